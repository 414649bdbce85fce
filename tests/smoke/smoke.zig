//! Makes and frees a runtime; prints the version of the archive that it is linked with.

const std = @import("std");
const c = @import("c"); // the header, translated

extern fn puts(text: [*:0]const u8) c_int;

pub fn main() u8 {
    c.TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    const version: [*:0]const u8 = c.temporal_static_libs_version();
    if (!std.mem.eql(u8, std.mem.span(version), c.TEMPORAL_STATIC_LIBS_VERSION)) {
        std.debug.print("the archive is {s}, the header {s}\n", .{ version, c.TEMPORAL_STATIC_LIBS_VERSION });
        return 1;
    }
    const options = std.mem.zeroes(c.TemporalCoreRuntimeOptions);
    const made = c.temporal_core_runtime_new(&options);
    defer c.temporal_core_runtime_free(made.runtime);
    if (made.fail != null) {
        defer c.temporal_core_byte_array_free(made.runtime, made.fail);
        const message = made.fail.*;
        std.debug.print("no runtime: {s}\n", .{message.data[0..message.size]});
        return 1;
    }
    _ = puts(version);
    return 0;
}
