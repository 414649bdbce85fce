//! Links the static libraries in the Python package temporal-static-libs into a shared library, and
//! builds a program that uses it. Works with Zig 0.15, 0.16 and 0.17.

const std = @import("std");
const temporal_libs = @import("temporal_libs.zig");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const macos_sdk = b.option(
        []const u8,
        "macos-sdk",
        "The MacOSX.sdk with the frameworks, to build for macOS if Zig finds none",
    );
    const test_step = b.step("test", "Run the unit tests");

    // Only ELF has version scripts and $ORIGIN. For macOS, Zig has only its own linker.
    const is_elf = target.result.ofmt == .elf;
    const has_lld = target.result.ofmt != .macho;

    const temporal = temporal_libs.find(b, .{});

    // The declarations of include/temporal_zig_bridge.h. To translate them here, each new machine would first have to
    // compile Zig's translator, which takes a minute.
    const bridge_header = b.createModule(.{
        .root_source_file = b.path("src/temporal_zig_bridge.zig"),
    });
    const bridge_module = b.createModule(.{
        .root_source_file = b.path("src/bridge/surface.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "temporal_zig_bridge", .module = bridge_header }},
    });
    temporal.link(bridge_module);
    temporal.addImport(bridge_module, "temporal");
    if (macos_sdk) |sdk| {
        bridge_module.addFrameworkPath(.{
            .cwd_relative = b.pathJoin(&.{ sdk, "System", "Library", "Frameworks" }),
        });
        bridge_module.addLibraryPath(.{ .cwd_relative = b.pathJoin(&.{ sdk, "usr", "lib" }) });
    }

    const bridge = b.addLibrary(.{
        .name = "temporal_zig_bridge",
        .linkage = .dynamic,
        .root_module = bridge_module,
        // Zig's own linker, the default in debug builds, does not know version scripts.
        .use_llvm = true,
        .use_lld = has_lld,
    });
    bridge.link_gc_sections = true;
    if (is_elf) bridge.setVersionScript(b.path("src/bridge/exports.map"));
    bridge.installHeader(b.path("include/temporal_zig_bridge.h"), "temporal_zig_bridge.h");
    b.installArtifact(bridge);

    // Like any C program, the demo uses only the bridge's declarations and shared library.
    const demo_module = b.createModule(.{
        .root_source_file = b.path("src/demo/main.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "temporal_zig_bridge", .module = bridge_header }},
    });
    // Not linkLibrary: with it, the installed program would look for the library in .zig-cache.
    const is_windows = target.result.os.tag == .windows;
    demo_module.addObjectFile(if (is_windows) bridge.getEmittedImplib() else bridge.getEmittedBin());
    // On Windows, the DLL is next to the program, where Windows looks for it.
    if (!is_windows) demo_module.addRPathSpecial(if (is_elf) "$ORIGIN/../lib" else "@loader_path/../lib");
    const demo = b.addExecutable(.{
        .name = "zig-bridge-demo",
        .root_module = demo_module,
        .use_llvm = true,
        .use_lld = has_lld,
    });
    demo.linker_allow_shlib_undefined = false;
    b.installArtifact(demo);

    const demo_tests = b.createModule(.{
        .root_source_file = b.path("src/demo/tests.zig"),
        .target = target,
        .optimize = optimize,
    });
    for ([_]*std.Build.Module{ bridge_module, demo_tests }) |module| {
        const tests = b.addTest(.{ .root_module = module });
        test_step.dependOn(&b.addRunArtifact(tests).step);
    }
}
