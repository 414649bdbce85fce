//! A consumer of the tiny workspace's archives, which locates them with temporal-libs-config.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const config_tool = b.option([]const u8, "temporal-libs-config", "Path of temporal-libs-config").?;
    const answer = b.run(&.{ config_tool, "--libdir", "--includedir", "--system-libs" });
    var lines = std.mem.splitScalar(u8, answer, '\n');
    const lib_dir = lines.next().?;
    const include_dir = lines.next().?;
    const system_libraries = lines.next().?;

    const module = b.createModule(.{
        .root_source_file = b.path("src/main.zig"),
        .target = b.standardTargetOptions(.{}),
        .optimize = b.standardOptimizeOption(.{}),
        .link_libc = true,
    });
    module.addIncludePath(.{ .cwd_relative = include_dir });
    module.addLibraryPath(.{ .cwd_relative = lib_dir });
    module.linkSystemLibrary("temporal_sdk_core", .{
        .use_pkg_config = .no,
        .preferred_link_mode = .static,
        .search_strategy = .no_fallback,
    });
    var flags = std.mem.tokenizeScalar(u8, system_libraries, ' ');
    while (flags.next()) |flag| module.linkSystemLibrary(flag["-l".len..], .{ .use_pkg_config = .no });

    const program = b.addExecutable(.{ .name = "tiny", .root_module = module });
    b.getInstallStep().dependOn(&b.addRunArtifact(program).step);
}
