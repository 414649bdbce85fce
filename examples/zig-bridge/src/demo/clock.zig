//! The demo's clocks.

const std = @import("std");

/// Time since the epoch.
pub fn now() std.c.timespec {
    return read(.REALTIME);
}

/// What is left of a time that began with it.
pub const Countdown = struct {
    began: std.c.timespec,
    millis: u32,

    pub fn of(millis: u32) Countdown {
        return .{ .began = read(.MONOTONIC), .millis = millis };
    }

    /// Null when the time is up.
    pub fn left(countdown: Countdown) ?u32 {
        const current = read(.MONOTONIC);
        const passed = (@as(i64, current.sec) - countdown.began.sec) * std.time.ms_per_s +
            @divFloor(@as(i64, current.nsec) - countdown.began.nsec, std.time.ns_per_ms);
        return if (passed < countdown.millis) @intCast(countdown.millis - passed) else null;
    }
};

fn read(clock: std.c.clockid_t) std.c.timespec {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(clock, &time);
    return time;
}
