//! The workflow of the demo: computes the nth Fibonacci number.
//!
//! It completes with its first workflow task, so there is no state to keep between tasks.

const std = @import("std");
const coresdk = @import("proto/coresdk.zig");
const payload = @import("proto/payload.zig");

pub const name = "ZigBridgeDemo";

/// The index of the last number that fits into 64 bits.
const last_index = 93;

/// Handles an activation. The completion refers to memory in the arena and in the activation.
pub fn activate(arena: std.mem.Allocator, bytes: []const u8) !coresdk.Completion {
    var activation = try coresdk.Activation.decode(bytes);
    var status: coresdk.Completion.Status = .nothing;
    while (try activation.jobs.next()) |job| {
        status = try perform(arena, job);
        if (status == .fail_task) break;
    }
    return .{ .run_id = activation.run_id, .status = status };
}

fn perform(arena: std.mem.Allocator, job: coresdk.Job) !coresdk.Completion.Status {
    return switch (job) {
        .initialize_workflow => |start| run(arena, start),
        .remove_from_cache => .nothing, // nothing was kept
        .other => |number| .{ .fail_task = try std.fmt.allocPrint(
            arena,
            "'{s}' can only be started: it cannot handle a job with field number {d}",
            .{ name, number },
        ) },
    };
}

fn run(arena: std.mem.Allocator, start: coresdk.InitializeWorkflow) !coresdk.Completion.Status {
    if (!std.mem.eql(u8, start.workflow_type, name)) return .{ .fail_task = try std.fmt.allocPrint(
        arena,
        "this worker has no workflow '{s}', only '{s}'",
        .{ start.workflow_type, name },
    ) };
    const index = indexOf(arena, start) catch |err| switch (err) {
        error.NoIndex => return .{ .fail_workflow = try std.fmt.allocPrint(
            arena,
            "the input is not a whole number from 0 to {d}",
            .{last_index},
        ) },
        else => |other| return other,
    };
    const result = try std.fmt.allocPrint(arena, "{d}", .{fibonacci(index)});
    return .{ .complete_workflow = result };
}

fn indexOf(arena: std.mem.Allocator, start: coresdk.InitializeWorkflow) !u64 {
    const argument = start.argument orelse return error.NoIndex;
    const json = payload.decode(argument) catch |err| switch (err) {
        error.NotJson => return error.NoIndex,
        else => |other| return other,
    };
    const value = std.json.parseFromSliceLeaky(std.json.Value, arena, json, .{}) catch |err|
        switch (err) {
            error.OutOfMemory => return error.OutOfMemory,
            else => return error.NoIndex,
        };
    if (value != .integer) return error.NoIndex;
    if (value.integer < 0 or value.integer > last_index) return error.NoIndex;
    return @intCast(value.integer);
}

fn fibonacci(index: u64) u64 {
    var current: u64 = 0;
    var next: u64 = 1;
    for (0..index) |_| {
        const sum = current +% next; // the sum after the last index wraps; it is not used
        current = next;
        next = sum;
    }
    return current;
}

test "the result is the Fibonacci number of the input" {
    try std.testing.expectEqual(0, fibonacci(0));
    try std.testing.expectEqual(1, fibonacci(1));
    try std.testing.expectEqual(55, fibonacci(10));
    try std.testing.expectEqual(12200160415121876738, fibonacci(last_index));
    try expectStatus(.{ .complete_workflow = "55" }, try initialization(name, "10"));
}

test "other inputs fail the workflow" {
    const bad = [_][]const u8{ "-1", "94", "1.5", "\"10\"", "ten", "", "99999999999999999999" };
    for (bad) |json| try expectStatus(
        .{ .fail_workflow = "the input is not a whole number from 0 to 93" },
        try initialization(name, json),
    );
}

test "another workflow fails the workflow task" {
    try expectStatus(
        .{ .fail_task = "this worker has no workflow 'Other', only 'ZigBridgeDemo'" },
        try initialization("Other", "10"),
    );
}

test "an eviction needs no commands" {
    try expectStatus(.nothing, "\x0a\x01r\x2a\x0b\x92\x03\x08\x0a\x04full\x10\x01");
}

test "an unknown job fails the workflow task, even after a known one" {
    const signal = "\x2a\x05\x3a\x03\x0a\x01s";
    const message = "'ZigBridgeDemo' can only be started: " ++
        "it cannot handle a job with field number 7";
    try expectStatus(.{ .fail_task = message }, "\x0a\x01r" ++ signal);
    const started_too = try std.mem.concat(
        scratch.allocator(),
        u8,
        &.{ try initialization(name, "10"), signal },
    );
    try expectStatus(.{ .fail_task = message }, started_too);
}

var scratch: std.heap.ArenaAllocator = .init(std.heap.page_allocator);

/// Makes the activation that starts run "r" with an input.
fn initialization(workflow_type: []const u8, json: []const u8) ![]const u8 {
    const wire = @import("proto/wire.zig");
    const arena = scratch.allocator();
    const start = try wire.encode(arena, &.{
        .bytes(1, workflow_type),
        .bytes(3, try payload.encode(arena, json)),
    });
    const job = try wire.encode(arena, &.{.bytes(1, start)});
    return wire.encode(arena, &.{ .bytes(1, "r"), .bytes(5, job) });
}

fn expectStatus(expected: coresdk.Completion.Status, activation: []const u8) !void {
    const completion = try activate(scratch.allocator(), activation);
    try std.testing.expectEqualStrings("r", completion.run_id);
    try std.testing.expectEqualDeep(expected, completion.status);
}
