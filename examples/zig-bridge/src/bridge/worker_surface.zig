//! The shared library's functions for workers. include/temporal_zig_bridge.h documents them.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const arguments = @import("arguments.zig");
const Bridge = @import("connection.zig").Bridge;
const Bytes = @import("bytes.zig").Bytes;
const Failure = @import("failure.zig").Failure;
const Report = @import("failure.zig").Report;
const Worker = @import("worker.zig").Worker;

export fn temporal_zig_worker_new(
    bridge: ?*Bridge,
    namespace_name: ?[*:0]const u8,
    task_queue: ?[*:0]const u8,
    max_cached_workflows: u32,
    timeout_millis: u32,
    failure: ?*?*Failure,
) ?*Worker {
    const report: Report = .{ .out = failure };
    return new(
        bridge,
        namespace_name,
        task_queue,
        max_cached_workflows,
        timeout_millis,
        report,
    ) catch |err| {
        report.finish(err);
        return null;
    };
}

fn new(
    bridge: ?*Bridge,
    namespace_name: ?[*:0]const u8,
    task_queue: ?[*:0]const u8,
    max_cached_workflows: u32,
    timeout_millis: u32,
    report: Report,
) !*Worker {
    const open = bridge orelse return arguments.refuse(report, "bridge is NULL");
    const chosen = try options(namespace_name, task_queue, max_cached_workflows, report);
    return Worker.new(open.connection, chosen, timeout_millis, report);
}

pub fn options(
    namespace_name: ?[*:0]const u8,
    task_queue: ?[*:0]const u8,
    max_cached_workflows: u32,
    report: Report,
) !Worker.Options {
    return .{
        .namespace = try arguments.text("namespace_name", namespace_name, report),
        .task_queue = try arguments.text("task_queue", task_queue, report),
        .max_cached_workflows = max_cached_workflows,
    };
}

export fn temporal_zig_worker_poll_workflow_activation(
    worker: ?*Worker,
    timeout_millis: u32,
    failure: ?*?*Failure,
) ?*const Bytes {
    const report: Report = .{ .out = failure };
    return poll(worker, timeout_millis, report) catch |err| {
        report.finish(err);
        return null;
    };
}

fn poll(worker: ?*Worker, timeout_millis: u32, report: Report) !*const Bytes {
    const live = try present(worker, report);
    return live.pollWorkflowActivation(timeout_millis, report);
}

export fn temporal_zig_worker_complete_workflow_activation(
    worker: ?*Worker,
    completion: ?[*]const u8,
    completion_size: usize,
    timeout_millis: u32,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(complete(worker, completion, completion_size, timeout_millis, report), report);
}

fn complete(
    worker: ?*Worker,
    completion: ?[*]const u8,
    completion_size: usize,
    timeout_millis: u32,
    report: Report,
) !void {
    const live = try present(worker, report);
    const message = try arguments.bytes("completion", completion, completion_size, report);
    return live.completeWorkflowActivation(message, timeout_millis, report);
}

export fn temporal_zig_worker_initiate_shutdown(worker: ?*Worker) void {
    if (worker) |live| live.initiateShutdown();
}

export fn temporal_zig_worker_finalize_shutdown(
    worker: ?*Worker,
    timeout_millis: u32,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(finalize(worker, timeout_millis, report), report);
}

fn finalize(worker: ?*Worker, timeout_millis: u32, report: Report) !void {
    const live = try present(worker, report);
    return live.finalizeShutdown(timeout_millis, report);
}

export fn temporal_zig_worker_free(worker: ?*Worker) void {
    if (worker) |live| live.free();
}

fn present(worker: ?*Worker, report: Report) !*Worker {
    return worker orelse arguments.refuse(report, "worker is NULL");
}

/// Returns the value of a function that has no result.
pub fn succeeded(result: Report.Error!void, report: Report) i32 {
    result catch |err| {
        report.finish(err);
        return 0;
    };
    return 1;
}

test "a NULL worker is refused or ignored" {
    var failure: ?*Failure = null;
    try std.testing.expectEqual(
        null,
        temporal_zig_worker_poll_workflow_activation(null, 0, &failure),
    );
    try expectRefusal(&failure);
    try std.testing.expectEqual(
        0,
        temporal_zig_worker_complete_workflow_activation(null, null, 0, 0, &failure),
    );
    try expectRefusal(&failure);
    try std.testing.expectEqual(0, temporal_zig_worker_finalize_shutdown(null, 0, &failure));
    try expectRefusal(&failure);
    temporal_zig_worker_initiate_shutdown(null);
    temporal_zig_worker_free(null);
}

fn expectRefusal(failure: *?*Failure) !void {
    const refusal = failure.* orelse return error.NoFailure;
    defer refusal.free();
    failure.* = null;
    try std.testing.expectEqual(api.TEMPORAL_ZIG_ERROR_ARGUMENT, refusal.kind);
    try std.testing.expectEqualStrings("worker is NULL", refusal.message);
}
