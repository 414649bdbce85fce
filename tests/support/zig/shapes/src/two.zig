const temporal = @import("temporal");

export fn two() [*:0]const u8 {
    return temporal.temporal_static_libs_version();
}
