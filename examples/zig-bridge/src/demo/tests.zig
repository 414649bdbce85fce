//! The unit tests of the demo, for the files that need no server.

test {
    _ = @import("proto/api.zig");
    _ = @import("proto/coresdk.zig");
    _ = @import("proto/history.zig");
    _ = @import("proto/payload.zig");
    _ = @import("proto/wire.zig");
    _ = @import("workflow.zig");
}
