const std = @import("std");
// docs/zig.md

pub fn main() void {
    std.debug.print("{s}\n", .{temporal.temporal_static_libs_version()});
}
