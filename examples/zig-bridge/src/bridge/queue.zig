//! Completion queues of the core: results wait on them until a thread takes them. No callback of this
//! bridge runs on a thread of the core.

const std = @import("std");
const builtin = @import("builtin");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");
const Report = @import("failure.zig").Report;

/// Of fcntl.h, which not every version of Zig can translate, nor has the name itself.
const F_DUPFD_CLOEXEC: c_int = if (builtin.os.tag == .macos) 67 else 1030;

/// Declared here, because not every version of Zig does.
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

/// It is the surface's TemporalZigQueue too.
pub const Queue = c.TemporalStaticLibsQueue;

/// What has come of a call. Who has it frees it with `c.temporal_static_libs_event_free`, which leaves
/// alone what was taken out of it.
pub const Event = c.TemporalStaticLibsEvent;

pub fn new() *Queue {
    return c.temporal_static_libs_queue_new().?;
}

/// The next event if there is one.
pub fn tryNext(queue: *Queue) ?Event {
    var event = empty();
    return if (c.temporal_static_libs_queue_try_next(queue, &event)) event else null;
}

/// The next event, or null when the time is up. 0 is no limit, as in the C surface.
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

/// A descriptor that is readable while there is an event; on Windows, the handle of an event object that
/// is signaled meanwhile. The caller closes it; the queue's own is nobody's to close.
pub fn descriptor(queue: *Queue, report: Report) !i32 {
    // Not 0, which says in the C surface that something failed.
    const lowest: c_int = 3;
    const own = c.temporal_static_libs_queue_descriptor(queue);
    const duplicate = if (builtin.os.tag == .windows)
        duplicateHandle(own)
    else
        std.c.fcntl(own, F_DUPFD_CLOEXEC, lowest);
    if (duplicate >= lowest) return duplicate;
    return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "there is no descriptor left", .{});
}

/// Returns 0 if the system has no handle left. Windows uses only 32 bits of one.
fn duplicateHandle(own: i32) i32 {
    const process = windows.GetCurrentProcess();
    const handle: *anyopaque = @ptrFromInt(@as(usize, @bitCast(@as(isize, own))));
    var duplicate: ?*anyopaque = null;
    if (windows.DuplicateHandle(process, handle, process, &duplicate, 0, 0, windows.DUPLICATE_SAME_ACCESS) == 0)
        return 0;
    return @bitCast(@as(u32, @truncate(@intFromPtr(duplicate))));
}

/// A call that its caller waits for. It has a queue to itself.
pub const Awaited = struct {
    queue: *Queue,
    /// For calls that take one.
    cancellation: *c.TemporalCoreCancellationToken,

    pub fn init() Awaited {
        return .{
            .queue = new(),
            .cancellation = c.temporal_core_cancellation_token_new().?,
        };
    }

    pub fn deinit(awaited: Awaited) void {
        c.temporal_core_cancellation_token_free(awaited.cancellation);
        // An event that comes later is freed.
        c.temporal_static_libs_queue_free(awaited.queue);
    }

    /// For the one call.
    pub fn userData(awaited: Awaited) ?*anyopaque {
        return c.temporal_static_libs_queue_tag(awaited.queue, 0);
    }

    pub const End = struct { event: Event, cancelled: bool };

    /// Cancels the call when the time is up. That ends it at once, and is waited for: what the core
    /// was lent is in use until then.
    pub fn wait(awaited: Awaited, timeout_millis: u32) End {
        if (next(awaited.queue, timeout_millis)) |event| {
            return .{ .event = event, .cancelled = false };
        }
        c.temporal_core_cancellation_token_cancel(awaited.cancellation);
        return .{ .event = next(awaited.queue, 0).?, .cancelled = true };
    }
};
