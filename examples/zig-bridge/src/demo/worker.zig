//! A worker on a separate thread, which serves the demo's workflow until it is stopped.

const std = @import("std");
const c = @import("temporal_zig_bridge");
const complain = @import("console.zig").complain;
const contents = @import("server.zig").contents;
const explain = @import("server.zig").explain;
const Server = @import("server.zig").Server;
const workflow = @import("workflow.zig");

const max_cached_workflows = 100;

/// Do not move it between `start` and `stop`.
pub const Worker = struct {
    handle: *c.TemporalZigWorker,
    timeout_millis: u32,
    stopping: std.atomic.Value(bool),
    thread: std.Thread,
    /// Whether the thread ended without an error. Read it only after the thread has ended.
    drained: bool,

    pub fn start(
        worker: *Worker,
        server: Server,
        namespace: [:0]const u8,
        task_queue: [:0]const u8,
    ) !void {
        var failure: ?*c.TemporalZigError = null;
        worker.handle = c.temporal_zig_worker_new(
            server.bridge,
            namespace,
            task_queue,
            max_cached_workflows,
            server.timeout_millis,
            &failure,
        ) orelse return explain(failure);
        errdefer c.temporal_zig_worker_free(worker.handle);
        worker.timeout_millis = server.timeout_millis;
        worker.stopping = .init(false);
        worker.drained = false;
        worker.thread = try std.Thread.spawn(.{}, work, .{worker});
    }

    /// Lets the worker finish its tasks, and ends it.
    pub fn stop(worker: *Worker) !void {
        worker.stopping.store(true, .release);
        c.temporal_zig_worker_initiate_shutdown(worker.handle);
        worker.thread.join();
        defer c.temporal_zig_worker_free(worker.handle);
        if (!worker.drained) return error.Explained;

        var failure: ?*c.TemporalZigError = null;
        const finalized = c.temporal_zig_worker_finalize_shutdown(
            worker.handle,
            worker.timeout_millis,
            &failure,
        );
        if (finalized == 0) return explain(failure);
    }

    fn work(worker: *Worker) void {
        worker.serve() catch |err| {
            if (err != error.Explained) complain("the worker: {s}\n", .{@errorName(err)});
            return;
        };
        worker.drained = true;
    }

    fn serve(worker: *Worker) !void {
        var arena: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
        defer arena.deinit();
        while (try worker.poll()) |activation| {
            defer c.temporal_zig_bytes_free(activation);
            defer _ = arena.reset(.retain_capacity);
            const completion = try workflow.activate(arena.allocator(), contents(activation));
            switch (completion.status) {
                .fail_task => |why| complain("run {s}: {s}\n", .{ completion.run_id, why }),
                else => {},
            }
            try worker.complete(try completion.encode(arena.allocator()));
        }
    }

    /// Returns the next activation, which the caller frees, or null when the worker is shut down.
    fn poll(worker: *Worker) !?*c.TemporalZigBytes {
        while (true) {
            // Read this before the poll: a poll that begins after the shutdown has its full timeout to end.
            const last = worker.stopping.load(.acquire);
            var failure: ?*c.TemporalZigError = null;
            if (c.temporal_zig_worker_poll_workflow_activation(
                worker.handle,
                worker.timeout_millis,
                &failure,
            )) |activation| return activation;
            const kind = c.temporal_zig_error_kind(failure);
            const nothing_yet = kind == c.TEMPORAL_ZIG_ERROR_TIMEOUT and !last;
            if (kind != c.TEMPORAL_ZIG_ERROR_SHUT_DOWN and !nothing_yet) return explain(failure);
            c.temporal_zig_error_free(failure);
            if (!nothing_yet) return null;
        }
    }

    fn complete(worker: *Worker, completion: []const u8) !void {
        var failure: ?*c.TemporalZigError = null;
        const completed = c.temporal_zig_worker_complete_workflow_activation(
            worker.handle,
            completion.ptr,
            completion.len,
            worker.timeout_millis,
            &failure,
        );
        if (completed == 0) return explain(failure);
    }
};
