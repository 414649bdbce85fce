//! Calls that a host starts without waiting for them.

const std = @import("std");
const c = @import("temporal");
const Bridge = @import("connection.zig").Bridge;
const Event = @import("queue.zig").Event;
const Queue = @import("queue.zig").Queue;
const Report = @import("failure.zig").Report;
const worker_calls = @import("worker.zig");
const Worker = worker_calls.Worker;

const allocator = std.heap.c_allocator;

/// A call from its start until its result is taken from the queue.
pub const Started = struct {
    /// The host's tag. The core's tag is the address of this object.
    tag: u64,
    call: Call,
    /// Everything that is lent to the core, which uses it until there is an event.
    lent: std.heap.ArenaAllocator,

    /// The kind of call, with what is needed to make its result.
    pub const Call = union(enum) {
        connect: struct { runtime: *c.TemporalCoreRuntime, target_url: []const u8 },
        rpc: []const u8,
        validate: *Worker,
        poll: *Worker,
        complete,
        finalize,
    };

    pub fn create(tag: u64) !*Started {
        const started = try allocator.create(Started);
        started.tag = tag;
        started.lent = .init(allocator);
        return started;
    }

    pub fn destroy(started: *Started) void {
        started.lent.deinit();
        allocator.destroy(started);
    }

    /// Returns the user data for the call. Set `call` first, and use the data for only one call.
    pub fn userData(started: *Started, queue: *Queue) ?*anyopaque {
        return c.temporal_static_libs_queue_tag(queue, @intFromPtr(started));
    }

    /// Returns null for an event that is not for a call: the core has one such kind, for forked processes.
    pub fn of(event: *const Event) ?*Started {
        return @ptrFromInt(@as(usize, @intCast(event.tag)));
    }

    /// Returns the result of the call, if it has one. Frees `started` and the event.
    pub fn finish(started: *Started, event: *Event, report: Report) Report.Error!?*anyopaque {
        defer started.destroy();
        defer c.temporal_static_libs_event_free(event);
        switch (started.call) {
            .connect => |connect| {
                errdefer c.temporal_core_runtime_free(connect.runtime);
                return try Bridge.connected(connect.runtime, connect.target_url, event, report);
            },
            .rpc => |name| return @constCast(try Bridge.answered(name, event, report)),
            .validate => |worker| {
                errdefer worker.free();
                try worker_calls.ended(worker_calls.validating, event, report);
                return worker;
            },
            .poll => |worker| {
                worker.polling.store(false, .release);
                return @constCast(try worker_calls.polled(event, report));
            },
            .complete => try worker_calls.ended(worker_calls.completing, event, report),
            .finalize => try worker_calls.ended(worker_calls.finalizing, event, report),
        }
        return null;
    }
};
