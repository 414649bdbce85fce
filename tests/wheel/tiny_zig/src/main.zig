const std = @import("std");
const c = @cImport(@cInclude("temporal-sdk-core-c-bridge.h"));

pub fn main() void {
    const random = c.temporal_core_random_new(7);
    defer c.temporal_core_random_free(random);
    std.debug.print("seed {d}\n", .{@as(*u64, @ptrCast(@alignCast(random))).*});
}
