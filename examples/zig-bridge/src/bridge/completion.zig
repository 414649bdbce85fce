//! Turns a callback of the core into a call that blocks: one thread waits, another completes.

const std = @import("std");
const builtin = @import("builtin");
const c = @import("c");

/// Zig's own: that of musl's header has bit fields, which Zig does not translate.
const timespec = std.c.timespec;

/// macOS has condition variables on the time of day only, and a wait for a span besides.
const waits_for_span = builtin.os.tag == .macos;

/// A point on the monotonic clock, which setting the time of day does not move; null is never.
pub const Deadline = struct {
    at: ?timespec,

    pub const never: Deadline = .{ .at = null };

    /// 0 is never, as in the C surface.
    pub fn in(millis: u32) Deadline {
        if (millis == 0) return .never;
        var at = now();
        at.sec += millis / std.time.ms_per_s;
        at.nsec += @as(c_long, millis % std.time.ms_per_s) * std.time.ns_per_ms;
        if (at.nsec >= std.time.ns_per_s) {
            at.sec += 1;
            at.nsec -= std.time.ns_per_s;
        }
        return .{ .at = at };
    }

    pub fn passed(deadline: Deadline) bool {
        const at = deadline.at orelse return false;
        const current = now();
        if (current.sec != at.sec) return current.sec > at.sec;
        return current.nsec >= at.nsec;
    }

    /// How long until then; the deadline has not passed.
    fn left(deadline: Deadline) timespec {
        const at = deadline.at.?;
        var span = now();
        span.sec = at.sec - span.sec;
        span.nsec = at.nsec - span.nsec;
        if (span.nsec < 0) {
            span.sec -= 1;
            span.nsec += std.time.ns_per_s;
        }
        // It may have passed meanwhile.
        return if (span.sec < 0) .{ .sec = 0, .nsec = 0 } else span;
    }

    fn now() timespec {
        var time: timespec = undefined;
        _ = std.c.clock_gettime(.MONOTONIC, &time);
        return time;
    }
};

/// The place where one answer arrives. It must stay where it is from `init` to `deinit`.
pub fn Completion(comptime Answer: type) type {
    return struct {
        const Self = @This();

        mutex: c.pthread_mutex_t,
        arrived: c.pthread_cond_t,
        answer: ?Answer,
        abandoned: bool,

        pub fn init(completion: *Self) void {
            _ = c.pthread_mutex_init(&completion.mutex, null);
            var attributes: c.pthread_condattr_t = undefined;
            _ = c.pthread_condattr_init(&attributes);
            if (!waits_for_span) _ = c.pthread_condattr_setclock(&attributes, c.CLOCK_MONOTONIC);
            _ = c.pthread_cond_init(&completion.arrived, &attributes);
            _ = c.pthread_condattr_destroy(&attributes);
            completion.answer = null;
            completion.abandoned = false;
        }

        pub fn deinit(completion: *Self) void {
            _ = c.pthread_cond_destroy(&completion.arrived);
            _ = c.pthread_mutex_destroy(&completion.mutex);
        }

        /// Called once, from the callback. False if the waiting thread has given up: the callback
        /// then owns the answer, and what that thread left behind.
        pub fn complete(completion: *Self, answer: Answer) bool {
            _ = c.pthread_mutex_lock(&completion.mutex);
            // After the unlock the waiting thread may be gone, and `completion` with it.
            defer _ = c.pthread_mutex_unlock(&completion.mutex);
            if (completion.abandoned) return false;
            completion.answer = answer;
            _ = c.pthread_cond_signal(&completion.arrived);
            return true;
        }

        /// The answer, or null if the deadline passed first. After null it may be called again.
        pub fn wait(completion: *Self, deadline: Deadline) ?Answer {
            _ = c.pthread_mutex_lock(&completion.mutex);
            defer _ = c.pthread_mutex_unlock(&completion.mutex);
            return completion.waitLocked(deadline);
        }

        /// As `wait`, but after null everything is the callback's: see `complete`.
        pub fn waitOrAbandon(completion: *Self, deadline: Deadline) ?Answer {
            _ = c.pthread_mutex_lock(&completion.mutex);
            defer _ = c.pthread_mutex_unlock(&completion.mutex);
            const answer = completion.waitLocked(deadline);
            completion.abandoned = answer == null;
            return answer;
        }

        fn waitLocked(completion: *Self, deadline: Deadline) ?Answer {
            while (completion.answer == null) {
                if (deadline.passed()) return null;
                completion.waitForSignal(deadline);
            }
            return completion.answer;
        }

        fn waitForSignal(completion: *Self, deadline: Deadline) void {
            const arrived = &completion.arrived;
            const mutex = &completion.mutex;
            const at = deadline.at orelse {
                _ = c.pthread_cond_wait(arrived, mutex);
                return;
            };
            if (waits_for_span) {
                const span = deadline.left();
                _ = c.pthread_cond_timedwait_relative_np(arrived, mutex, @ptrCast(&span));
            } else {
                _ = c.pthread_cond_timedwait(arrived, mutex, @ptrCast(&at));
            }
        }
    };
}
