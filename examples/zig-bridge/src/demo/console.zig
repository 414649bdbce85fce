//! The demo's output.

const std = @import("std");

const allocator = std.heap.c_allocator;

// Zig's declaration expects a handle on Windows.
extern "c" fn write(descriptor: c_int, bytes: [*]const u8, count: usize) isize;

/// Prints to standard output, without a buffer.
pub fn print(comptime format: []const u8, arguments: anytype) void {
    const line = std.fmt.allocPrint(allocator, format, arguments) catch return;
    defer allocator.free(line);
    _ = write(1, line.ptr, line.len);
}

/// Prints to standard error, after the program's name.
pub fn complain(comptime format: []const u8, arguments: anytype) void {
    std.debug.print("zig-bridge-demo: " ++ format, arguments);
}
