const temporal = @import("temporal");
const inner = @import("inner");

pub fn main() void {
    const none: ?*temporal.TemporalCoreRuntime = null;
    inner.print(none);
}

test {
    if (temporal.temporal_static_libs_version()[0] == 0) return error.NoVersion;
}
