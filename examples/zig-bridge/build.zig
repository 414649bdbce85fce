//! Links the static libraries of the Python package temporal-static-libs into a shared library, and
//! builds a program that uses it. Works with Zig 0.15, 0.16 and 0.17.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const config_tool = b.option(
        []const u8,
        "temporal-libs-config",
        "The temporal-libs-config to ask; default: the one on PATH",
    ) orelse "temporal-libs-config";
    const macos_sdk = b.option(
        []const u8,
        "macos-sdk",
        "The MacOSX.sdk with the frameworks, to build for macOS where Zig finds none",
    );
    const test_step = b.step("test", "Run the unit tests");

    const libraries = TemporalLibraries.find(b, config_tool) catch |err| {
        return failWith(b, test_step, explain(b, config_tool, err));
    };
    // LLD, version scripts and $ORIGIN are of ELF; for macOS Zig has only its own linker.
    const is_elf = target.result.ofmt == .elf;
    const platform = platformOf(b, target.result);
    if (!std.mem.eql(u8, libraries.platform, platform)) {
        return failWith(b, test_step, explainPlatform(b, config_tool, libraries.platform, platform));
    }

    const c_headers = b.addTranslateC(.{
        .root_source_file = b.path("src/bridge/c.h"),
        .target = target,
        .optimize = optimize,
    });
    c_headers.addIncludePath(.{ .cwd_relative = libraries.include_dir });
    c_headers.addIncludePath(b.path("include"));
    const bridge_module = b.createModule(.{
        .root_source_file = b.path("src/bridge/surface.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "c", .module = c_headers.createModule() }},
    });
    libraries.link(bridge_module);
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
        .use_lld = is_elf,
    });
    bridge.link_gc_sections = true;
    // A header that does not belong to the archive is to fail here, not when the library is loaded.
    // Zig 0.15 cannot be told so: there, linking the demo fails.
    if (@hasField(std.Build.Step.Compile, "link_z_defs")) bridge.link_z_defs = is_elf;
    if (is_elf) bridge.setVersionScript(b.path("src/bridge/exports.map"));
    bridge.each_lib_rpath = false; // no trace of where the static libraries were
    bridge.installHeader(b.path("include/temporal_zig_bridge.h"), "temporal_zig_bridge.h");
    b.installArtifact(bridge);

    // The demo knows the bridge as any C program does: by its header and its shared library.
    const bridge_header = b.addTranslateC(.{
        .root_source_file = b.path("include/temporal_zig_bridge.h"),
        .target = target,
        .optimize = optimize,
    });
    const demo_module = b.createModule(.{
        .root_source_file = b.path("src/demo/main.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "temporal_zig_bridge", .module = bridge_header.createModule() }},
    });
    // Not linkLibrary, which would have the installed program look for the library in .zig-cache.
    demo_module.addObjectFile(bridge.getEmittedBin());
    demo_module.addRPathSpecial(if (is_elf) "$ORIGIN/../lib" else "@loader_path/../lib");
    const demo = b.addExecutable(.{
        .name = "zig-bridge-demo",
        .root_module = demo_module,
        .use_llvm = true,
        .use_lld = is_elf,
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

/// Has every step fail with a message. Not an exit, so that `zig build --help` works all the same.
fn failWith(b: *std.Build, test_step: *std.Build.Step, message: []const u8) void {
    const failure = b.addFail(message);
    b.getInstallStep().dependOn(&failure.step);
    test_step.dependOn(&failure.step);
}

/// What temporal-libs-config says about the installed package.
const TemporalLibraries = struct {
    /// As in "linux-x64".
    platform: []const u8,
    lib_dir: []const u8,
    include_dir: []const u8,
    /// As in "-lm -ldl".
    system_libraries: []const u8,
    /// As in "-framework Security"; empty but for macOS.
    frameworks: []const u8,

    fn find(b: *std.Build, config_tool: []const u8) !TemporalLibraries {
        // Zig 0.17 caches what this function configures; another package may be there next time.
        if (@hasDecl(std.Build.Graph, "poisonCache")) b.graph.poisonCache();

        var exit_code: u8 = 0;
        const answer = try b.runAllowFail(
            &.{
                config_tool,     "--platform",   "--libdir", "--includedir",
                "--system-libs", "--frameworks",
            },
            &exit_code,
            // Zig 0.15 spells it with a capital.
            if (@hasField(std.process.Child, "stderr_behavior")) .Inherit else .inherit,
        );
        var lines = std.mem.splitScalar(u8, answer, '\n');
        const found: TemporalLibraries = .{
            .platform = lines.next() orelse "",
            .lib_dir = lines.next() orelse "",
            .include_dir = lines.next() orelse "",
            .system_libraries = lines.next() orelse "",
            .frameworks = lines.next() orelse return error.UnexpectedAnswer,
        };
        var flags = words(found.system_libraries);
        while (flags.next()) |flag| {
            if (!std.mem.startsWith(u8, flag, "-l")) return error.UnexpectedAnswer;
        }
        return found;
    }

    fn link(libraries: TemporalLibraries, module: *std.Build.Module) void {
        module.addLibraryPath(.{ .cwd_relative = libraries.lib_dir });
        module.linkSystemLibrary("temporal_sdk_core", .{
            .use_pkg_config = .no,
            .preferred_link_mode = .static,
            .search_strategy = .no_fallback,
        });
        var flags = words(libraries.system_libraries);
        while (flags.next()) |flag| {
            module.linkSystemLibrary(flag["-l".len..], .{ .use_pkg_config = .no });
        }
        var frameworks = words(libraries.frameworks);
        while (frameworks.next()) |word| {
            if (!std.mem.eql(u8, word, "-framework")) module.linkFramework(word, .{});
        }
    }
};

fn words(line: []const u8) std.mem.TokenIterator(u8, .scalar) {
    return std.mem.tokenizeScalar(u8, line, ' ');
}

/// The package's name of a target, for which its archives have to be: "linux-x64", "macos-arm64".
fn platformOf(b: *std.Build, target: std.Target) []const u8 {
    return b.fmt("{s}-{s}{s}", .{
        @tagName(target.os.tag),
        switch (target.cpu.arch) {
            .x86_64 => "x64",
            .aarch64 => "arm64",
            else => |other| @tagName(other),
        },
        if (target.isMuslLibC()) "-musl" else "",
    });
}

fn explainPlatform(
    b: *std.Build,
    config_tool: []const u8,
    found: []const u8,
    wanted: []const u8,
) []const u8 {
    const Wheel = struct { platform: []const u8, tag: []const u8, target: []const u8 };
    const wheels = [_]Wheel{
        .{ .platform = "linux-x64", .tag = "manylinux_2_17_x86_64", .target = "x86_64-linux-gnu" },
        .{ .platform = "linux-arm64", .tag = "manylinux_2_17_aarch64", .target = "aarch64-linux-gnu" },
        .{ .platform = "linux-x64-musl", .tag = "musllinux_1_2_x86_64", .target = "x86_64-linux-musl" },
        .{ .platform = "linux-arm64-musl", .tag = "musllinux_1_2_aarch64", .target = "aarch64-linux-musl" },
        .{ .platform = "macos-arm64", .tag = "macosx_11_0_arm64", .target = "aarch64-macos" },
        .{ .platform = "macos-x64", .tag = "macosx_10_12_x86_64", .target = "x86_64-macos" },
    };
    var advice: []const u8 = "  The package has no wheel for that target.\n";
    var instead: []const u8 = "";
    for (wheels) |wheel| {
        if (std.mem.eql(u8, wheel.platform, wanted)) advice = b.fmt(
            \\  Install the target's wheel into a directory, and have this build ask it:
            \\    pip install --target libs --platform {s} --only-binary=:all: temporal-static-libs
            \\    PYTHONPATH=libs zig build -Dtarget={s} -Dtemporal-libs-config=libs/bin/temporal-libs-config
            \\
        , .{ wheel.tag, wheel.target });
        if (std.mem.eql(u8, wheel.platform, found)) instead = b.fmt(
            "  Or build for the target of the libraries there are: zig build -Dtarget={s}",
            .{wheel.target},
        );
    }
    return b.fmt(
        "the libraries of '{s}' are for {s}, but this build is for {s}.\n{s}{s}",
        .{ config_tool, found, wanted, advice, instead },
    );
}

fn explain(b: *std.Build, config_tool: []const u8, err: anyerror) []const u8 {
    return switch (err) {
        error.FileNotFound => b.fmt(
            \\there is no '{s}'.
            \\  It comes with the Python package that holds Temporal's static libraries:
            \\    pip install temporal-static-libs
            \\  Then activate the environment it was installed into, or name the program:
            \\    zig build -Dtemporal-libs-config=PATH
        , .{config_tool}),
        error.ExitCodeFailure => b.fmt(
            \\'{s}' failed; what it says is above.
            \\  If it says nothing that helps, install its package anew:
            \\    pip install --force-reinstall temporal-static-libs
        , .{config_tool}),
        error.UnexpectedAnswer => b.fmt(
            \\'{s}' gave an answer that this build.zig does not understand.
            \\  Compare the output of:
            \\    {s} --platform --libdir --includedir --system-libs --frameworks
        , .{ config_tool, config_tool }),
        else => b.fmt("'{s}' cannot be run: {s}", .{ config_tool, @errorName(err) }),
    };
}
