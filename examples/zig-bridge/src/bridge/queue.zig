//! Completion queues of the core, where results wait until a thread takes them. This bridge has no callbacks that
//! run on threads of the core.

const std = @import("std");
const builtin = @import("builtin");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");
const Report = @import("failure.zig").Report;

/// From fcntl.h, which not every version of Zig can translate. Not every version of Zig declares it, either.
const F_DUPFD_CLOEXEC: c_int = if (builtin.os.tag == .macos) 67 else 1030;

/// Declared here, because not every version of Zig declares it.
const windows = struct {
    const DUPLICATE_SAME_ACCESS = 2;

    extern "kernel32" fn GetCurrentProcess() callconv(.winapi) *anyopaque;
    extern "kernel32" fn DuplicateHandle(
        source_process: *anyopaque,
        source: *anyopaque,
        target_process: *anyopaque,
        target: *?*anyopaque,
        access: u32,
        inherit: i32,
        options: u32,
    ) callconv(.winapi) i32;
};

/// The same type as TemporalZigQueue in the C interface.
pub const Queue = c.TemporalStaticLibsQueue;

/// The result of a call. Free it with `c.temporal_static_libs_event_free`, which does not free what you have
/// taken out of it.
pub const Event = c.TemporalStaticLibsEvent;

pub fn new() *Queue {
    return c.temporal_static_libs_queue_new().?;
}

/// Returns the next event if there is one.
pub fn tryNext(queue: *Queue) ?Event {
    var event = empty();
    return if (c.temporal_static_libs_queue_try_next(queue, &event)) event else null;
}

/// Returns the next event, or null after the timeout. 0 means no timeout, as in the C interface.
pub fn next(queue: *Queue, timeout_millis: u32) ?Event {
    var event = empty();
    const timeout: i64 = if (timeout_millis == 0) -1 else timeout_millis;
    return if (c.temporal_static_libs_queue_next(queue, timeout, &event)) event else null;
}

fn empty() Event {
    var event = std.mem.zeroes(Event);
    event.size = @sizeOf(Event);
    return event;
}

/// Returns a descriptor that is readable while there is an event; on Windows, the handle of an event object that
/// is signaled while there is one. The caller closes it. Nobody may close the queue's own descriptor.
pub fn descriptor(queue: *Queue, report: Report) !i32 {
    // Not 0, which means failure in the C interface.
    const lowest: c_int = 3;
    const own = c.temporal_static_libs_queue_descriptor(queue);
    const duplicate = if (builtin.os.tag == .windows)
        duplicateHandle(own)
    else
        std.c.fcntl(own, F_DUPFD_CLOEXEC, lowest);
    if (duplicate >= lowest) return duplicate;
    return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "no descriptor is available", .{});
}

/// Returns 0 if the system has no handle left. Windows uses only 32 bits of a handle.
fn duplicateHandle(own: i32) i32 {
    const process = windows.GetCurrentProcess();
    const handle: *anyopaque = @ptrFromInt(@as(usize, @bitCast(@as(isize, own))));
    var duplicate: ?*anyopaque = null;
    if (windows.DuplicateHandle(process, handle, process, &duplicate, 0, 0, windows.DUPLICATE_SAME_ACCESS) == 0)
        return 0;
    return @bitCast(@as(u32, @truncate(@intFromPtr(duplicate))));
}

/// A call that its caller waits for. Each one has a separate queue.
pub const Awaited = struct {
    queue: *Queue,
    /// For calls that take a token.
    cancellation: *c.TemporalCoreCancellationToken,

    pub fn init() Awaited {
        return .{
            .queue = new(),
            .cancellation = c.temporal_core_cancellation_token_new().?,
        };
    }

    pub fn deinit(awaited: Awaited) void {
        c.temporal_core_cancellation_token_free(awaited.cancellation);
        // If an event arrives later, it is freed.
        c.temporal_static_libs_queue_free(awaited.queue);
    }

    /// Returns the user data for the call. Use it for only one call.
    pub fn userData(awaited: Awaited) ?*anyopaque {
        return c.temporal_static_libs_queue_tag(awaited.queue, 0);
    }

    pub const End = struct { event: Event, canceled: bool };

    /// Waits for the call, and cancels it after the timeout. A canceled call ends at once. This waits for its end,
    /// because until then the core uses what it was lent.
    pub fn wait(awaited: Awaited, timeout_millis: u32) End {
        if (next(awaited.queue, timeout_millis)) |event| {
            return .{ .event = event, .canceled = false };
        }
        c.temporal_core_cancellation_token_cancel(awaited.cancellation);
        return .{ .event = next(awaited.queue, 0).?, .canceled = true };
    }
};
