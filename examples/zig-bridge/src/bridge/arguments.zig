//! Checks the arguments of the exported functions.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const Report = @import("failure.zig").Report;

/// Checks that a string is UTF-8, because messages quote it, and messages are always UTF-8.
pub fn text(comptime name: []const u8, string: ?[*:0]const u8, report: Report) ![]const u8 {
    const given = std.mem.span(string orelse return refuse(report, name ++ " is NULL"));
    if (!std.unicode.utf8ValidateSlice(given)) return refuse(report, name ++ " is not UTF-8");
    return given;
}

pub fn bytes(
    comptime name: []const u8,
    data: ?[*]const u8,
    size: usize,
    report: Report,
) ![]const u8 {
    if (data) |given| return given[0..size];
    if (size == 0) return "";
    return refuse(report, name ++ " is NULL, but " ++ name ++ "_size is not 0");
}

pub fn refuse(report: Report, comptime why: []const u8) Report.Error {
    return report.fail(api.TEMPORAL_ZIG_ERROR_ARGUMENT, why, .{});
}
