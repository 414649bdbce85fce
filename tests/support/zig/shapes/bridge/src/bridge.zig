const temporal = @import("temporal");

pub fn version() [*:0]const u8 {
    return temporal.temporal_static_libs_version();
}
