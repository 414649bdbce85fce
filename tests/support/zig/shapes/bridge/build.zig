//! A bridge that others depend on.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const temporal = @import("temporal_libs.zig").find(b, .{});
    const bridge = b.addModule("bridge", .{
        .root_source_file = b.path("src/bridge.zig"),
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
    });
    temporal.addImport(bridge, "temporal");
    temporal.link(bridge);
}
