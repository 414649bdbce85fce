//! A Temporal server, through the C interface of the bridge.

const std = @import("std");
const c = @import("temporal_zig_bridge");
const complain = @import("console.zig").complain;

pub const Server = struct {
    bridge: *c.TemporalZigBridge,
    /// The longest wait for a response, if a call has no other limit.
    timeout_millis: u32,

    pub fn connect(target_url: [:0]const u8, timeout_millis: u32) !Server {
        var failure: ?*c.TemporalZigError = null;
        const bridge = c.temporal_zig_bridge_connect(target_url, timeout_millis, &failure) orelse {
            const explained = explain(failure);
            std.debug.print(
                \\  pass --target-url with the http://host:port of a running server;
                \\  to start one at http://127.0.0.1:7233, run 'temporal server start-dev'
                \\
            , .{});
            return explained;
        };
        return .{ .bridge = bridge, .timeout_millis = timeout_millis };
    }

    pub fn disconnect(server: Server) void {
        c.temporal_zig_bridge_free(server.bridge);
    }

    pub fn call(
        server: Server,
        arena: std.mem.Allocator,
        rpc: [:0]const u8,
        request: []const u8,
    ) ![]const u8 {
        return server.callWithin(server.timeout_millis, arena, rpc, request);
    }

    /// Returns the response, copied into the arena.
    pub fn callWithin(
        server: Server,
        timeout_millis: u32,
        arena: std.mem.Allocator,
        rpc: [:0]const u8,
        request: []const u8,
    ) ![]const u8 {
        var failure: ?*c.TemporalZigError = null;
        const response = c.temporal_zig_bridge_call(
            server.bridge,
            c.TEMPORAL_ZIG_SERVICE_WORKFLOW,
            rpc,
            request.ptr,
            request.len,
            timeout_millis,
            &failure,
        ) orelse return explain(failure);
        defer c.temporal_zig_bytes_free(response);
        return arena.dupe(u8, contents(response));
    }
};

pub fn contents(bytes: *const c.TemporalZigBytes) []const u8 {
    const size = c.temporal_zig_bytes_size(bytes);
    return if (size == 0) "" else c.temporal_zig_bytes_data(bytes)[0..size];
}

/// Prints a failure to standard error, and frees it.
pub fn explain(failure: ?*c.TemporalZigError) error{Explained} {
    defer c.temporal_zig_error_free(failure);
    complain("{s}\n", .{c.temporal_zig_error_message(failure)});
    const status = c.temporal_zig_error_grpc_status(failure);
    if (status != 0) std.debug.print("  gRPC status code: {d}\n", .{status});
    return error.Explained;
}
