const bridge = @import("bridge");

extern "c" fn puts(text: [*:0]const u8) c_int;

pub fn main() void {
    _ = puts(bridge.version());
}
