//! A bridge without Temporal's libraries. The tests insert lines from docs/zig.md.

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
    const hello = b.step("hello", "A step that does not need the bridge");
    hello.dependOn(&b.addWriteFiles().step);
    const run_step = b.step("run", "Run the program");
    run_step.dependOn(&b.addRunArtifact(program).step);
}
