//! Links five archives that a script has downloaded, with the header in the repository.

const std = @import("std");

const archives = [_][]const u8{
    "temporal_sdk_core",
    "temporal_sdk_core_c_bridge",
    "temporal_client",
    "temporal_sdk_core_api",
    "temporal_sdk_core_protos",
};

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const bridge = b.createModule(.{
        .root_source_file = b.path("src/lib.zig"),
        .target = target,
        .optimize = b.standardOptimizeOption(.{}),
        .link_libc = true,
    });
    bridge.addIncludePath(b.path("include"));
    const cpu = if (target.result.cpu.arch == .aarch64) "arm64" else "x64";
    const system = if (target.result.os.tag == .macos) "macos" else "linux";
    for (archives) |archive| {
        bridge.addObjectFile(b.path(b.fmt("../../.temporal-libs-cache/latest/{s}-{s}/lib{s}.a", .{
            system, cpu, archive,
        })));
    }
    if (target.result.os.tag == .macos) {
        bridge.linkFramework("Security", .{});
        bridge.linkFramework("CoreFoundation", .{});
    } else {
        bridge.linkSystemLibrary("unwind", .{});
    }
    b.installArtifact(b.addLibrary(.{
        .name = "temporal_bun_bridge_zig",
        .root_module = bridge,
        .linkage = .dynamic,
    }));
}
