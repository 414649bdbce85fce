//! A bridge as it is before it has Temporal's libraries. The tests put lines of docs/zig.md into it.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const bridge = b.createModule(.{
        .root_source_file = b.path("src/main.zig"),
        .target = target,
        .optimize = optimize,
    });
    // docs/zig.md
    const program = b.addExecutable(.{ .name = "bridge", .root_module = bridge });
    b.installArtifact(program);
    const hello = b.step("hello", "Something that needs no bridge");
    hello.dependOn(&b.addWriteFiles().step);
    const run_step = b.step("run", "Run the program");
    run_step.dependOn(&b.addRunArtifact(program).step);
}
