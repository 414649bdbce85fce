//! The demo's clocks. Not every version of Zig has clocks for all systems.

const std = @import("std");
const is_windows = @import("builtin").os.tag == .windows;

extern "kernel32" fn GetSystemTimeAsFileTime(time: *[2]u32) callconv(.winapi) void;
extern "kernel32" fn GetTickCount64() callconv(.winapi) u64;

/// Returns the time since the system's epoch, in nanoseconds.
pub fn now() u64 {
    if (!is_windows) return read(.REALTIME);
    var time: [2]u32 = undefined; // the lower half first, in units of 100 ns
    GetSystemTimeAsFileTime(&time);
    return (@as(u64, time[1]) << 32 | time[0]) *% 100;
}

/// A time limit, and when it began.
pub const Countdown = struct {
    began: u64,
    millis: u32,

    pub fn of(millis: u32) Countdown {
        return .{ .began = uptime(), .millis = millis };
    }

    /// Returns the remaining milliseconds, or null when the time is up.
    pub fn left(countdown: Countdown) ?u32 {
        const passed = uptime() - countdown.began;
        return if (passed < countdown.millis) @intCast(countdown.millis - passed) else null;
    }
};

/// Returns the milliseconds of a clock that nobody can set.
fn uptime() u64 {
    if (is_windows) return GetTickCount64();
    return read(.MONOTONIC) / std.time.ns_per_ms;
}

fn read(clock: std.c.clockid_t) u64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(clock, &time);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}
