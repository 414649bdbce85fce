//! A project that gets Temporal's libraries only through a package.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const bridge = b.dependency("bridge", .{
        .@"temporal-libs-config" = b.option([]const u8, "temporal-libs-config", "For the bridge"),
    });
    const module = b.createModule(.{
        .root_source_file = b.path("main.zig"),
        .target = b.graph.host,
    });
    module.addImport("bridge", bridge.module("bridge"));
    b.installArtifact(b.addExecutable(.{ .name = "depending", .root_module = module }));
}
