//! A worker of the core for the workflow tasks of one task queue, as blocking calls.

const std = @import("std");
const c = @import("c");
const Bytes = @import("bytes.zig").Bytes;
const borrow = @import("bytes.zig").borrow;
const text = @import("bytes.zig").text;
const Completion = @import("completion.zig").Completion;
const Report = @import("failure.zig").Report;

const allocator = std.heap.c_allocator;

/// Workflow tasks in work at a time.
const slots = 100;
/// Polls open at a time. Core wants two where workflows are cached: one is for the sticky queue.
const open_polls = 2;
/// How long a task waits for the worker that has its workflow cached before any may take it.
const sticky_timeout_millis = 10_000;

pub const Worker = struct {
    core: *c.TemporalCoreWorker,
    /// Only one thread may poll at a time.
    polled_by_a_thread: std.atomic.Value(bool),
    /// A poll that outlasts its caller's patience stays in flight, because the core cannot cancel
    /// it and a task that it brings must not be lost: the next caller gets it.
    poll_in_flight: bool,
    poll: Completion(Polled),

    const Polled = struct { task: ?*const Bytes, fail: ?*const Bytes };

    pub fn new(
        connection: *c.TemporalCoreConnection,
        namespace: []const u8,
        task_queue: []const u8,
        max_cached_workflows: u32,
        timeout_millis: u32,
        report: Report,
    ) !*Worker {
        const worker = try allocator.create(Worker);
        errdefer allocator.destroy(worker);
        worker.polled_by_a_thread = .init(false);
        worker.poll_in_flight = false;
        worker.core = try newCore(connection, namespace, task_queue, max_cached_workflows, report);
        // Ends the validation too, if that has taken too long.
        errdefer c.temporal_core_worker_free(worker.core);

        const validation = try Errand.create();
        c.temporal_core_worker_validate(worker.core, validation, Errand.onDone);
        try validation.wait("validating the worker", timeout_millis, report);
        return worker;
    }

    pub fn free(worker: *Worker) void {
        // A poll in flight is answered by this, with a failure.
        c.temporal_core_worker_free(worker.core);
        if (worker.poll_in_flight) {
            const answer = worker.poll.wait(.never).?;
            c.temporal_core_byte_array_free(null, answer.task);
            c.temporal_core_byte_array_free(null, answer.fail);
            worker.poll.deinit();
        }
        allocator.destroy(worker);
    }

    pub fn pollWorkflowActivation(
        worker: *Worker,
        timeout_millis: u32,
        report: Report,
    ) !*const Bytes {
        if (worker.polled_by_a_thread.swap(true, .acquire)) return report.fail(
            c.TEMPORAL_ZIG_ERROR_ARGUMENT,
            "another thread polls this worker; one at a time can",
            .{},
        );
        defer worker.polled_by_a_thread.store(false, .release);

        if (!worker.poll_in_flight) {
            worker.poll.init();
            worker.poll_in_flight = true;
            c.temporal_core_worker_poll_workflow_activation(worker.core, &worker.poll, onPolled);
        }
        const answer = worker.poll.wait(.in(timeout_millis)) orelse return report.fail(
            c.TEMPORAL_ZIG_ERROR_TIMEOUT,
            "polling: no workflow activation within {d} ms",
            .{timeout_millis},
        );
        worker.poll_in_flight = false;
        worker.poll.deinit();

        if (answer.task) |task| return task;
        defer c.temporal_core_byte_array_free(null, answer.fail);
        if (answer.fail) |message|
            return report.fail(c.TEMPORAL_ZIG_ERROR_CORE, "polling: {s}", .{text(message)});
        return report.fail(c.TEMPORAL_ZIG_ERROR_SHUT_DOWN, "polling: the worker is shut down", .{});
    }

    fn onPolled(
        user_data: ?*anyopaque,
        success: [*c]const Bytes,
        fail: [*c]const Bytes,
    ) callconv(.c) void {
        const poll: *Completion(Polled) = @ptrCast(@alignCast(user_data.?));
        // Never abandoned: `free` waits for this at the latest.
        _ = poll.complete(.{ .task = success, .fail = fail });
    }

    pub fn completeWorkflowActivation(
        worker: *Worker,
        completion: []const u8,
        timeout_millis: u32,
        report: Report,
    ) !void {
        const errand = try Errand.create();
        c.temporal_core_worker_complete_workflow_activation(
            worker.core,
            borrow(completion),
            errand,
            Errand.onDone,
        );
        try errand.wait("completing a workflow activation", timeout_millis, report);
    }

    pub fn initiateShutdown(worker: *Worker) void {
        c.temporal_core_worker_initiate_shutdown(worker.core);
    }

    pub fn finalizeShutdown(worker: *Worker, timeout_millis: u32, report: Report) !void {
        const errand = try Errand.create();
        c.temporal_core_worker_finalize_shutdown(worker.core, errand, Errand.onDone);
        try errand.wait("finalizing the shutdown", timeout_millis, report);
    }
};

fn newCore(
    connection: *c.TemporalCoreConnection,
    namespace: []const u8,
    task_queue: []const u8,
    max_cached_workflows: u32,
    report: Report,
) !*c.TemporalCoreWorker {
    const polls: c.TemporalCorePollerBehaviorSimpleMaximum = .{ .simple_maximum = open_polls };

    var options = std.mem.zeroes(c.TemporalCoreWorkerOptions);
    options.namespace_ = borrow(namespace);
    options.task_queue = borrow(task_queue);
    options.max_cached_workflows = max_cached_workflows;
    options.task_types.enable_workflows = true;
    // Zeroes have chosen the suppliers of a fixed size: for the other kinds of tasks, of none.
    options.tuner.workflow_slot_supplier.unnamed_0.unnamed_0.fixed_size.num_slots = slots;
    options.sticky_queue_schedule_to_start_timeout_millis = sticky_timeout_millis;
    options.nonsticky_to_sticky_poll_ratio = 0.2;
    options.workflow_task_poller_behavior = .{ .simple_maximum = &polls };

    const created = c.temporal_core_worker_new(connection, &options);
    if (created.worker) |worker| return worker;
    defer c.temporal_core_byte_array_free(null, created.fail);
    return report.fail(c.TEMPORAL_ZIG_ERROR_CORE, "making a worker: {s}", .{text(created.fail)});
}

/// A call on a worker that gives nothing but its end. The core cannot cancel it. When its time is
/// up it is left to its callback, which must find it; that is why it lives on the heap.
const Errand = struct {
    completion: Completion(?*const Bytes),

    fn create() !*Errand {
        const errand = try allocator.create(Errand);
        errand.completion.init();
        return errand;
    }

    fn destroy(errand: *Errand) void {
        errand.completion.deinit();
        allocator.destroy(errand);
    }

    /// Called once, and the last use of the errand.
    fn wait(
        errand: *Errand,
        comptime what: []const u8,
        timeout_millis: u32,
        report: Report,
    ) Report.Error!void {
        const fail = errand.completion.waitOrAbandon(.in(timeout_millis)) orelse return report.fail(
            c.TEMPORAL_ZIG_ERROR_TIMEOUT,
            what ++ ": not done within {d} ms",
            .{timeout_millis},
        );
        errand.destroy();
        defer c.temporal_core_byte_array_free(null, fail);
        if (fail) |message|
            return report.fail(c.TEMPORAL_ZIG_ERROR_CORE, what ++ ": {s}", .{text(message)});
    }

    fn onDone(user_data: ?*anyopaque, fail: [*c]const Bytes) callconv(.c) void {
        const errand: *Errand = @ptrCast(@alignCast(user_data.?));
        if (errand.completion.complete(fail)) return;
        c.temporal_core_byte_array_free(null, fail);
        errand.destroy();
    }
};
