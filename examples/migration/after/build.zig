//! Links the archive of the Python package, with the package's header.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const bridge = b.createModule(.{
        .root_source_file = b.path("src/lib.zig"),
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
    });
    const temporal = @import("temporal_libs.zig").find(b, .{});
    temporal.link(bridge);
    b.installArtifact(b.addLibrary(.{
        .name = "temporal_bun_bridge_zig",
        .root_module = bridge,
        .linkage = .dynamic,
    }));
}
