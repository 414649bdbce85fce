//! The shared library's functions for queues, which start calls and take their results.
//! include/temporal_zig_bridge.h documents them.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");
const arguments = @import("arguments.zig");
const Bridge = @import("connection.zig").Bridge;
const Failure = @import("failure.zig").Failure;
const Queue = queues.Queue;
const queues = @import("queue.zig");
const Report = @import("failure.zig").Report;
const Started = @import("started.zig").Started;
const succeeded = @import("worker_surface.zig").succeeded;
const Worker = @import("worker.zig").Worker;
const workerOptions = @import("worker_surface.zig").options;

export fn temporal_zig_queue_new() *Queue {
    return queues.new();
}

export fn temporal_zig_queue_descriptor(queue: ?*Queue, failure: ?*?*Failure) i32 {
    const report: Report = .{ .out = failure };
    return descriptor(queue, report) catch |err| {
        report.finish(err);
        return 0;
    };
}

fn descriptor(queue: ?*Queue, report: Report) !i32 {
    return queues.descriptor(try present(queue, report), report);
}

export fn temporal_zig_queue_try_next(queue: ?*Queue, out: ?*api.TemporalZigEvent) i32 {
    const given = out orelse return 0;
    var event = queues.tryNext(queue orelse return 0) orelse return 0;
    const started = Started.of(&event) orelse {
        // In a forked process, the core returns an event that is not for a call.
        c.temporal_static_libs_event_free(&event);
        return 0;
    };

    given.tag = started.tag;
    var failure: ?*Failure = null;
    const report: Report = .{ .out = &failure };
    given.result = started.finish(&event, report) catch |err| failed: {
        report.finish(err);
        break :failed null;
    };
    given.@"error" = @ptrCast(failure);
    return 1;
}

export fn temporal_zig_queue_free(queue: ?*Queue) void {
    c.temporal_static_libs_queue_free(queue);
}

export fn temporal_zig_bridge_start_connect(
    queue: ?*Queue,
    tag: u64,
    target_url: ?[*:0]const u8,
    timeout_millis: u32,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(startConnect(queue, tag, target_url, timeout_millis, report), report);
}

fn startConnect(
    queue: ?*Queue,
    tag: u64,
    target_url: ?[*:0]const u8,
    timeout_millis: u32,
    report: Report,
) !void {
    const events = try present(queue, report);
    const url = try arguments.text("target_url", target_url, report);
    return Bridge.startConnect(events, tag, url, timeout_millis, report);
}

export fn temporal_zig_bridge_start_call(
    queue: ?*Queue,
    tag: u64,
    bridge: ?*Bridge,
    service: u32,
    rpc: ?[*:0]const u8,
    request: ?[*]const u8,
    request_size: usize,
    timeout_millis: u32,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(startCall(
        queue,
        tag,
        bridge,
        service,
        rpc,
        request,
        request_size,
        timeout_millis,
        report,
    ), report);
}

fn startCall(
    queue: ?*Queue,
    tag: u64,
    bridge: ?*Bridge,
    service: u32,
    rpc: ?[*:0]const u8,
    request: ?[*]const u8,
    request_size: usize,
    timeout_millis: u32,
    report: Report,
) !void {
    const events = try present(queue, report);
    const open = bridge orelse return arguments.refuse(report, "bridge is NULL");
    const name = try arguments.text("rpc", rpc, report);
    const message = try arguments.bytes("request", request, request_size, report);
    return open.startCall(events, tag, service, name, message, timeout_millis);
}

export fn temporal_zig_worker_start_new(
    queue: ?*Queue,
    tag: u64,
    bridge: ?*Bridge,
    namespace_name: ?[*:0]const u8,
    task_queue: ?[*:0]const u8,
    max_cached_workflows: u32,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(startNew(
        queue,
        tag,
        bridge,
        namespace_name,
        task_queue,
        max_cached_workflows,
        report,
    ), report);
}

fn startNew(
    queue: ?*Queue,
    tag: u64,
    bridge: ?*Bridge,
    namespace_name: ?[*:0]const u8,
    task_queue: ?[*:0]const u8,
    max_cached_workflows: u32,
    report: Report,
) !void {
    const events = try present(queue, report);
    const open = bridge orelse return arguments.refuse(report, "bridge is NULL");
    const options = try workerOptions(namespace_name, task_queue, max_cached_workflows, report);
    return Worker.startNew(events, tag, open.connection, options, report);
}

export fn temporal_zig_worker_start_poll_workflow_activation(
    queue: ?*Queue,
    tag: u64,
    worker: ?*Worker,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(startPoll(queue, tag, worker, report), report);
}

fn startPoll(queue: ?*Queue, tag: u64, worker: ?*Worker, report: Report) !void {
    const events = try present(queue, report);
    const live = worker orelse return arguments.refuse(report, "worker is NULL");
    return live.startPollWorkflowActivation(events, tag, report);
}

export fn temporal_zig_worker_start_complete_workflow_activation(
    queue: ?*Queue,
    tag: u64,
    worker: ?*Worker,
    completion: ?[*]const u8,
    completion_size: usize,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(
        startComplete(queue, tag, worker, completion, completion_size, report),
        report,
    );
}

fn startComplete(
    queue: ?*Queue,
    tag: u64,
    worker: ?*Worker,
    completion: ?[*]const u8,
    completion_size: usize,
    report: Report,
) !void {
    const events = try present(queue, report);
    const live = worker orelse return arguments.refuse(report, "worker is NULL");
    const message = try arguments.bytes("completion", completion, completion_size, report);
    return live.startCompleteWorkflowActivation(events, tag, message);
}

export fn temporal_zig_worker_start_finalize_shutdown(
    queue: ?*Queue,
    tag: u64,
    worker: ?*Worker,
    failure: ?*?*Failure,
) i32 {
    const report: Report = .{ .out = failure };
    return succeeded(startFinalize(queue, tag, worker, report), report);
}

fn startFinalize(queue: ?*Queue, tag: u64, worker: ?*Worker, report: Report) !void {
    const events = try present(queue, report);
    const live = worker orelse return arguments.refuse(report, "worker is NULL");
    return live.startFinalizeShutdown(events, tag);
}

fn present(queue: ?*Queue, report: Report) !*Queue {
    return queue orelse arguments.refuse(report, "queue is NULL");
}

test "a call that is refused at once has no event" {
    const queue = temporal_zig_queue_new();
    defer temporal_zig_queue_free(queue);
    var failure: ?*Failure = null;
    try std.testing.expectEqual(
        0,
        temporal_zig_bridge_start_connect(queue, 7, null, 0, &failure),
    );
    defer failure.?.free();
    try std.testing.expectEqualStrings("target_url is NULL", failure.?.message);
    var event: api.TemporalZigEvent = undefined;
    try std.testing.expectEqual(0, temporal_zig_queue_try_next(queue, &event));
}

test "a refusal of the core arrives as an event, with the tag" {
    const queue = temporal_zig_queue_new();
    defer temporal_zig_queue_free(queue);
    try std.testing.expectEqual(
        1,
        temporal_zig_bridge_start_connect(queue, 7, "ftp://nowhere", 5000, null),
    );
    var event: api.TemporalZigEvent = undefined;
    // The core checks the URL before it does anything, so the event arrives at once.
    try std.testing.expectEqual(1, temporal_zig_queue_try_next(queue, &event));
    try std.testing.expectEqual(7, event.tag);
    try std.testing.expectEqual(null, event.result);
    const failure: *Failure = @ptrCast(@alignCast(event.@"error".?));
    defer failure.free();
    try std.testing.expectEqual(api.TEMPORAL_ZIG_ERROR_CONNECT, failure.kind);
    try std.testing.expectEqual(0, temporal_zig_queue_try_next(queue, &event));
}

test "a NULL queue is refused or ignored" {
    var failure: ?*Failure = null;
    try std.testing.expectEqual(0, temporal_zig_queue_descriptor(null, &failure));
    defer failure.?.free();
    try std.testing.expectEqualStrings("queue is NULL", failure.?.message);
    try std.testing.expectEqual(0, temporal_zig_queue_try_next(null, null));
    temporal_zig_queue_free(null);
}
