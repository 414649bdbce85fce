const bridge = @import("bridge");
const temporal = @import("temporal");

extern "c" fn puts(text: [*:0]const u8) c_int;

pub fn main() void {
    _ = temporal.temporal_static_libs_abi_id();
    _ = puts(bridge.version());
}
