//! Links the archives by their file names, as in bridges that were written for their own builds of the
//! libraries. Works with Zig 0.15, 0.16 and 0.17.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const lib_dir = b.option([]const u8, "libdir", "The output of temporal-libs-config --libdir") orelse
        return refuse(b, "libdir");
    const include_dir = b.option([]const u8, "includedir", "The output of temporal-libs-config --includedir") orelse
        return refuse(b, "includedir");

    const header = b.addTranslateC(.{
        .root_source_file = .{
            .cwd_relative = b.pathJoin(&.{ include_dir, "temporal-sdk-core-c-bridge.h" }),
        },
        .target = target,
        .optimize = optimize,
    });
    const module = b.createModule(.{
        .root_source_file = b.path("src/main.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "temporal", .module = header.createModule() }},
    });
    for ([_][]const u8{ "libtemporal_sdk_core.a", "libtemporal_client.a" }) |archive| {
        module.addObjectFile(.{ .cwd_relative = b.pathJoin(&.{ lib_dir, archive }) });
    }
    module.linkSystemLibrary("unwind", .{ .use_pkg_config = .no });
    const program = b.addExecutable(.{ .name = "zig-archives", .root_module = module });
    b.installArtifact(program);

    const run_step = b.step("run", "Run the program");
    run_step.dependOn(&b.addRunArtifact(program).step);
}

const messages = struct {
    const missing_option = "-D{s} is missing: " ++
        "-Dlibdir=\"$(temporal-libs-config --libdir)\" " ++
        "-Dincludedir=\"$(temporal-libs-config --includedir)\"";
};

/// Makes every step fail. Does not exit, so that `zig build --help` still works.
fn refuse(b: *std.Build, option: []const u8) void {
    const failure = b.addFail(b.fmt(messages.missing_option, .{option}));
    b.getInstallStep().dependOn(&failure.step);
    b.step("run", "Run the program").dependOn(&failure.step);
}
