//! What the demo says.

const std = @import("std");

const allocator = std.heap.c_allocator;

// Zig's declaration expects a handle on Windows.
extern "c" fn write(descriptor: c_int, bytes: [*]const u8, count: usize) isize;

/// To standard output, at once.
pub fn print(comptime format: []const u8, arguments: anytype) void {
    const line = std.fmt.allocPrint(allocator, format, arguments) catch return;
    defer allocator.free(line);
    _ = write(1, line.ptr, line.len);
}

/// To standard error, with the program's name.
pub fn complain(comptime format: []const u8, arguments: anytype) void {
    std.debug.print("zig-bridge-demo: " ++ format, arguments);
}
