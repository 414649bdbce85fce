//! A worker of the core for the workflow tasks of one task queue.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");
const borrow = @import("bytes.zig").borrow;
const Bytes = @import("bytes.zig").Bytes;
const Event = @import("queue.zig").Event;
const Queue = @import("queue.zig").Queue;
const queues = @import("queue.zig");
const Report = @import("failure.zig").Report;
const Started = @import("started.zig").Started;
const text = @import("bytes.zig").text;

const allocator = std.heap.c_allocator;

/// How many workflow tasks to process at a time.
const slots = 100;
/// How many polls to keep open. With cached workflows, the core needs two: one for the sticky queue.
const open_polls = 2;
/// How long a task waits for the worker that has cached its workflow, before any worker can take it.
const sticky_timeout_millis = 10_000;

// Used in messages about calls that have no result.
pub const validating = "validating the worker";
pub const completing = "completing a workflow activation";
pub const finalizing = "finalizing the shutdown";

pub const Worker = struct {
    core: *c.TemporalCoreWorker,
    /// Whether a thread waits for a poll, or the result of a started poll has not been taken. Only one at a time.
    polling: std.atomic.Value(bool),
    /// The queue for polls that threads wait for. A poll that times out stays in flight, because the core
    /// cannot cancel it, and a task that it returns must not be lost: the next caller gets it.
    polls: *Queue,
    poll_in_flight: bool,

    pub const Options = struct {
        namespace: []const u8,
        task_queue: []const u8,
        max_cached_workflows: u32,
    };

    /// Creates a worker, and waits for its validation.
    pub fn new(
        connection: *c.TemporalCoreConnection,
        options: Options,
        timeout_millis: u32,
        report: Report,
    ) !*Worker {
        const worker: *Worker = try .create(connection, options, report);
        // Also ends the validation if it takes too long.
        errdefer worker.free();
        const queue = queues.new();
        defer c.temporal_static_libs_queue_free(queue);
        c.temporal_core_worker_validate(
            worker.core,
            c.temporal_static_libs_queue_tag(queue, 0),
            c.temporal_static_libs_on_worker,
        );
        try awaitEnd(queue, validating, timeout_millis, report);
        return worker;
    }

    /// Creates a worker, and starts its validation.
    pub fn startNew(
        queue: *Queue,
        tag: u64,
        connection: *c.TemporalCoreConnection,
        options: Options,
        report: Report,
    ) !void {
        const started: *Started = try .create(tag);
        errdefer started.destroy();
        const worker: *Worker = try .create(connection, options, report);
        started.call = .{ .validate = worker };
        c.temporal_core_worker_validate(
            worker.core,
            started.userData(queue),
            c.temporal_static_libs_on_worker,
        );
    }

    fn create(
        connection: *c.TemporalCoreConnection,
        options: Options,
        report: Report,
    ) !*Worker {
        const worker = try allocator.create(Worker);
        errdefer allocator.destroy(worker);
        worker.* = .{
            .core = try newCore(connection, options, report),
            .polling = .init(false),
            .polls = queues.new(),
            .poll_in_flight = false,
        };
        return worker;
    }

    pub fn free(worker: *Worker) void {
        c.temporal_core_worker_free(worker.core);
        c.temporal_static_libs_queue_free(worker.polls);
        allocator.destroy(worker);
    }

    /// Polls, and waits for the activation.
    pub fn pollWorkflowActivation(
        worker: *Worker,
        timeout_millis: u32,
        report: Report,
    ) !*const Bytes {
        try worker.claimPolling(report);
        defer worker.polling.store(false, .release);

        if (!worker.poll_in_flight) {
            worker.poll_in_flight = true;
            c.temporal_core_worker_poll_workflow_activation(
                worker.core,
                c.temporal_static_libs_queue_tag(worker.polls, 0),
                c.temporal_static_libs_on_worker_poll,
            );
        }
        var event = queues.next(worker.polls, timeout_millis) orelse return report.fail(
            api.TEMPORAL_ZIG_ERROR_TIMEOUT,
            "polling: no workflow activation within {d} ms",
            .{timeout_millis},
        );
        defer c.temporal_static_libs_event_free(&event);
        worker.poll_in_flight = false;
        return polled(&event, report);
    }

    /// Starts a poll.
    pub fn startPollWorkflowActivation(
        worker: *Worker,
        queue: *Queue,
        tag: u64,
        report: Report,
    ) !void {
        try worker.claimPolling(report);
        errdefer worker.polling.store(false, .release);
        if (worker.poll_in_flight) return report.fail(
            api.TEMPORAL_ZIG_ERROR_ARGUMENT,
            "a poll that timed out is still in flight; wait for it",
            .{},
        );
        const started: *Started = try .create(tag);
        started.call = .{ .poll = worker };
        c.temporal_core_worker_poll_workflow_activation(
            worker.core,
            started.userData(queue),
            c.temporal_static_libs_on_worker_poll,
        );
    }

    fn claimPolling(worker: *Worker, report: Report) !void {
        if (worker.polling.swap(true, .acquire)) return report.fail(
            api.TEMPORAL_ZIG_ERROR_ARGUMENT,
            "another poll of this worker is running; only one can run at a time",
            .{},
        );
    }

    /// Completes an activation, and waits until that has ended.
    pub fn completeWorkflowActivation(
        worker: *Worker,
        completion: []const u8,
        timeout_millis: u32,
        report: Report,
    ) !void {
        const queue = queues.new();
        defer c.temporal_static_libs_queue_free(queue);
        c.temporal_core_worker_complete_workflow_activation(
            worker.core,
            borrow(completion),
            c.temporal_static_libs_queue_tag(queue, 0),
            c.temporal_static_libs_on_worker,
        );
        try awaitEnd(queue, completing, timeout_millis, report);
    }

    /// Starts to complete an activation.
    pub fn startCompleteWorkflowActivation(
        worker: *Worker,
        queue: *Queue,
        tag: u64,
        completion: []const u8,
    ) !void {
        const started: *Started = try .create(tag);
        started.call = .complete;
        c.temporal_core_worker_complete_workflow_activation(
            worker.core,
            borrow(completion),
            started.userData(queue),
            c.temporal_static_libs_on_worker,
        );
    }

    pub fn initiateShutdown(worker: *Worker) void {
        c.temporal_core_worker_initiate_shutdown(worker.core);
    }

    /// Ends the shutdown, and waits until that has ended.
    pub fn finalizeShutdown(worker: *Worker, timeout_millis: u32, report: Report) !void {
        const queue = queues.new();
        defer c.temporal_static_libs_queue_free(queue);
        c.temporal_core_worker_finalize_shutdown(
            worker.core,
            c.temporal_static_libs_queue_tag(queue, 0),
            c.temporal_static_libs_on_worker,
        );
        try awaitEnd(queue, finalizing, timeout_millis, report);
    }

    /// Starts to end the shutdown.
    pub fn startFinalizeShutdown(worker: *Worker, queue: *Queue, tag: u64) !void {
        const started: *Started = try .create(tag);
        started.call = .finalize;
        c.temporal_core_worker_finalize_shutdown(
            worker.core,
            started.userData(queue),
            c.temporal_static_libs_on_worker,
        );
    }
};

fn newCore(
    connection: *c.TemporalCoreConnection,
    chosen: Worker.Options,
    report: Report,
) !*c.TemporalCoreWorker {
    const polls: c.TemporalCorePollerBehaviorSimpleMaximum = .{ .simple_maximum = open_polls };

    var options = std.mem.zeroes(c.TemporalCoreWorkerOptions);
    options.namespace_ = borrow(chosen.namespace);
    options.task_queue = borrow(chosen.task_queue);
    options.max_cached_workflows = chosen.max_cached_workflows;
    options.task_types.enable_workflows = true;
    // Zeros select suppliers of a fixed size, which is 0 for all other kinds of tasks.
    options.tuner.workflow_slot_supplier.unnamed_0.unnamed_0.fixed_size.num_slots = slots;
    options.sticky_queue_schedule_to_start_timeout_millis = sticky_timeout_millis;
    options.nonsticky_to_sticky_poll_ratio = 0.2;
    options.workflow_task_poller_behavior = .{ .simple_maximum = &polls };

    const created = c.temporal_core_worker_new(connection, &options);
    if (created.worker) |worker| return worker;
    defer c.temporal_core_byte_array_free(null, created.fail);
    return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "making a worker: {s}", .{text(created.fail)});
}

/// Returns the task in the result of a poll.
pub fn polled(event: *Event, report: Report) !*const Bytes {
    if (event.success) |task| {
        event.success = null;
        return task;
    }
    if (event.fail) |message|
        return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "polling: {s}", .{text(message)});
    return report.fail(api.TEMPORAL_ZIG_ERROR_SHUT_DOWN, "polling: the worker is shut down", .{});
}

/// Reports the failure of a call that has no result.
pub fn ended(what: []const u8, event: *const Event, report: Report) !void {
    if (event.fail) |message|
        return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "{s}: {s}", .{ what, text(message) });
}

/// Waits for a call that has no result, and that the core cannot cancel. After the timeout, the call continues
/// by itself.
fn awaitEnd(queue: *Queue, what: []const u8, timeout_millis: u32, report: Report) !void {
    var event = queues.next(queue, timeout_millis) orelse return report.fail(
        api.TEMPORAL_ZIG_ERROR_TIMEOUT,
        "{s}: not done within {d} ms",
        .{ what, timeout_millis },
    );
    defer c.temporal_static_libs_event_free(&event);
    try ended(what, &event, report);
}
