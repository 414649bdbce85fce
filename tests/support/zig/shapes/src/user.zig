extern "c" fn puts(text: [*:0]const u8) c_int;
extern fn one() [*:0]const u8;
extern fn two() [*:0]const u8;

pub fn main() void {
    _ = puts(one());
    _ = puts(two());
}
