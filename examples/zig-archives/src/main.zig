//! Starts the core's runtime, and prints its version.

const std = @import("std");
const temporal = @import("temporal");

pub fn main() !void {
    const options = std.mem.zeroes(temporal.TemporalCoreRuntimeOptions);
    const made = temporal.temporal_core_runtime_new(&options);
    if (made.fail != null) return error.RuntimeNotMade;
    defer temporal.temporal_core_runtime_free(made.runtime);
    std.debug.print("runtime version: {s}\n", .{temporal.temporal_static_libs_version()});
}
