//! Bytes that cross the core's interface.

const c = @import("temporal");

/// Bytes that the core returns. The same type as TemporalZigBytes in the C interface, so that responses are
/// passed on without a copy.
pub const Bytes = c.TemporalCoreByteArray;

pub fn borrow(bytes: []const u8) c.TemporalCoreByteArrayRef {
    return .{ .data = bytes.ptr, .size = bytes.len };
}

pub fn text(bytes: ?*const Bytes) []const u8 {
    const message = bytes orelse return "";
    return if (message.size == 0) "" else message.data[0..message.size];
}
