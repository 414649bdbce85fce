const temporal = @import("temporal");

extern "c" fn puts(text: [*:0]const u8) c_int;

pub fn print(runtime: ?*temporal.TemporalCoreRuntime) void {
    temporal.temporal_core_runtime_free(runtime);
    _ = puts(temporal.temporal_static_libs_version());
}

pub fn main() void {
    print(null);
}
