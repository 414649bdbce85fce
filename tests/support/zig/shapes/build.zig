//! Every way in which Zig composes programs, in one build, with Temporal's libraries in each.

const std = @import("std");
const temporal_libs = @import("temporal_libs.zig");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const temporal = temporal_libs.find(b, .{});
    const client = temporal_libs.find(b, .{ .component = "client" });
    const test_step = b.step("test", "Run the tests");
    const few_step = b.step("few", "Make a test and a shared library");

    // A program of two modules that exchange a type of the interface. Linking twice is not an error.
    const inner = sourced(b, "inner.zig", target, optimize);
    temporal.addImport(inner, "temporal");
    const outer = sourced(b, "outer.zig", target, optimize);
    outer.addImport("inner", inner);
    temporal.addImport(outer, "temporal");
    temporal.link(inner);
    temporal.link(outer);
    temporal.link(outer);
    add(b, "modules", outer);
    const tests = b.addTest(.{ .root_module = outer });
    test_step.dependOn(&b.addRunArtifact(tests).step);
    few_step.dependOn(&tests.step);

    // The same with another component, mode and target.
    add(b, "client", program(b, client, target, optimize));
    const oldest = b.resolveTargetQuery(std.Target.Query.parse(.{
        .arch_os_abi = "x86_64-linux-gnu.2.17",
    }) catch unreachable);
    add(b, "oldest", program(b, temporal, oldest, .ReleaseFast));

    // Two static libraries in one program, and an object in another. They do not contain the archive.
    const user = sourced(b, "user.zig", target, optimize);
    for ([_][]const u8{ "one", "two" }) |name| {
        const module = sourced(b, b.fmt("{s}.zig", .{name}), target, optimize);
        temporal.addImport(module, "temporal");
        const library = b.addLibrary(.{ .name = name, .linkage = .static, .root_module = module });
        b.installArtifact(library);
        user.linkLibrary(library);
    }
    temporal.link(user);
    add(b, "statics", user);

    const user_of_object = sourced(b, "user.zig", target, optimize);
    for ([_][]const u8{ "one", "two" }) |name| {
        const module = sourced(b, b.fmt("{s}.zig", .{name}), target, optimize);
        temporal.addImport(module, "temporal");
        user_of_object.addObject(b.addObject(.{ .name = name, .root_module = module }));
    }
    temporal.link(user_of_object);
    add(b, "objects", user_of_object);

    // Shared libraries, one of which does not export the archive's functions.
    for ([_][]const u8{ "open", "closed" }) |name| {
        const module = sourced(b, "one.zig", target, optimize);
        temporal.addImport(module, "temporal");
        temporal.link(module);
        const library = b.addLibrary(.{ .name = name, .linkage = .dynamic, .root_module = module });
        if (std.mem.eql(u8, name, "closed")) {
            temporal.hideSymbols(library);
            few_step.dependOn(&library.step);
        }
        b.installArtifact(library);
    }

    // A package that finds the libraries itself, in a program that also imports them.
    const bridge = b.dependency("bridge", .{
        .target = target,
        .optimize = optimize,
        .@"temporal-libs-config" = temporal.tool,
    });
    const root = sourced(b, "depending.zig", target, optimize);
    root.addImport("bridge", bridge.module("bridge"));
    temporal.addImport(root, "temporal");
    add(b, "depending", root);
}

fn sourced(
    b: *std.Build,
    file: []const u8,
    target: std.Build.ResolvedTarget,
    optimize: @TypeOf(b.standardOptimizeOption(.{})),
) *std.Build.Module {
    return b.createModule(.{
        .root_source_file = b.path(b.pathJoin(&.{ "src", file })),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
    });
}

fn program(
    b: *std.Build,
    temporal: *temporal_libs.Libraries,
    target: std.Build.ResolvedTarget,
    optimize: @TypeOf(b.standardOptimizeOption(.{})),
) *std.Build.Module {
    const module = sourced(b, "inner.zig", target, optimize);
    temporal.addImport(module, "temporal");
    temporal.link(module);
    return module;
}

fn add(b: *std.Build, name: []const u8, module: *std.Build.Module) void {
    b.installArtifact(b.addExecutable(.{ .name = name, .root_module = module }));
}
