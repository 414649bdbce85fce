//! A C program with an archive that only pkg-config locates.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const module = b.createModule(.{
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
        .link_libc = true,
    });
    module.addCSourceFile(.{ .file = b.path("bridge.c") });
    module.linkSystemLibrary("temporal-sdk-core", .{ .use_pkg_config = .force });
    b.installArtifact(b.addExecutable(.{ .name = "bridge", .root_module = module }));
}
