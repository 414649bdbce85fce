//! Calls that a host starts and does not wait for.

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
    /// The host's. The core's tag is the address of this.
    tag: u64,
    call: Call,
    /// What the core was lent: it is in use until there is an event.
    lent: std.heap.ArenaAllocator,

    /// With what its result is made of.
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

    /// For the one call. What it says must be set.
    pub fn userData(started: *Started, queue: *Queue) ?*anyopaque {
        return c.temporal_static_libs_queue_tag(queue, @intFromPtr(started));
    }

    /// Null for an event that is of no call: the core has one kind of these, for forked processes.
    pub fn of(event: *const Event) ?*Started {
        return @ptrFromInt(@as(usize, @intCast(event.tag)));
    }

    /// What the call gives, if anything. The last use of `started`, and of the event.
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
