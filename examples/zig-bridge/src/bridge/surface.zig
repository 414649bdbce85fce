//! The shared library: the functions that include/temporal_zig_bridge.h declares and documents.
//! The functions for queues are in queue_surface.zig, those for workers in worker_surface.zig.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");
const arguments = @import("arguments.zig");
const Bridge = @import("connection.zig").Bridge;
const Bytes = @import("bytes.zig").Bytes;
const Failure = @import("failure.zig").Failure;
const Report = @import("failure.zig").Report;

comptime {
    // Zig exports functions only from files that it analyzes, so refer to these files.
    _ = @import("queue_surface.zig");
    _ = @import("worker_surface.zig");
}

export fn temporal_zig_bridge_connect(
    target_url: ?[*:0]const u8,
    timeout_millis: u32,
    failure: ?*?*Failure,
) ?*Bridge {
    const report: Report = .{ .out = failure };
    return connect(target_url, timeout_millis, report) catch |err| {
        report.finish(err);
        return null;
    };
}

fn connect(target_url: ?[*:0]const u8, timeout_millis: u32, report: Report) !*Bridge {
    const url = try arguments.text("target_url", target_url, report);
    return Bridge.connect(url, timeout_millis, report);
}

export fn temporal_zig_bridge_call(
    bridge: ?*Bridge,
    service: u32,
    rpc: ?[*:0]const u8,
    request: ?[*]const u8,
    request_size: usize,
    timeout_millis: u32,
    failure: ?*?*Failure,
) ?*const Bytes {
    const report: Report = .{ .out = failure };
    return call(bridge, service, rpc, request, request_size, timeout_millis, report) catch |err| {
        report.finish(err);
        return null;
    };
}

fn call(
    bridge: ?*Bridge,
    service: u32,
    rpc: ?[*:0]const u8,
    request: ?[*]const u8,
    request_size: usize,
    timeout_millis: u32,
    report: Report,
) !*const Bytes {
    const open = bridge orelse return arguments.refuse(report, "bridge is NULL");
    const name = try arguments.text("rpc", rpc, report);
    const message = try arguments.bytes("request", request, request_size, report);
    return open.call(service, name, message, timeout_millis, report);
}

export fn temporal_zig_bridge_free(bridge: ?*Bridge) void {
    if (bridge) |open| open.free();
}

export fn temporal_zig_bytes_data(bytes: *const Bytes) [*c]const u8 {
    return bytes.data;
}

export fn temporal_zig_bytes_size(bytes: *const Bytes) usize {
    return bytes.size;
}

export fn temporal_zig_bytes_free(bytes: ?*const Bytes) void {
    c.temporal_core_byte_array_free(null, bytes);
}

export fn temporal_zig_error_kind(failure: *const Failure) i32 {
    return failure.kind;
}

export fn temporal_zig_error_message(failure: *const Failure) [*:0]const u8 {
    return failure.message.ptr;
}

export fn temporal_zig_error_grpc_status(failure: *const Failure) u32 {
    return failure.grpc_status;
}

export fn temporal_zig_error_grpc_details(failure: *const Failure) ?*const Bytes {
    return failure.grpc_details;
}

export fn temporal_zig_error_free(failure: ?*Failure) void {
    if (failure) |present| present.free();
}

test "an argument that breaks a rule of the header is refused" {
    var failure: ?*Failure = null;
    try std.testing.expectEqual(null, temporal_zig_bridge_connect(null, 0, &failure));
    defer temporal_zig_error_free(failure);
    try std.testing.expectEqual(
        api.TEMPORAL_ZIG_ERROR_ARGUMENT,
        temporal_zig_error_kind(failure.?),
    );
    try std.testing.expectEqualStrings(
        "target_url is NULL",
        std.mem.span(temporal_zig_error_message(failure.?)),
    );
}

test "the caller gets the core's refusal" {
    var failure: ?*Failure = null;
    try std.testing.expectEqual(null, temporal_zig_bridge_connect("ftp://nowhere", 5000, &failure));
    defer temporal_zig_error_free(failure);
    try std.testing.expectEqual(
        api.TEMPORAL_ZIG_ERROR_CONNECT,
        temporal_zig_error_kind(failure.?),
    );
    const message = std.mem.span(temporal_zig_error_message(failure.?));
    try std.testing.expect(std.mem.indexOf(u8, message, "Invalid options: ") != null);
}

test "a caller need not take the error" {
    try std.testing.expectEqual(null, temporal_zig_bridge_connect("ftp://nowhere", 5000, null));
    temporal_zig_bridge_free(null);
    temporal_zig_bytes_free(null);
    temporal_zig_error_free(null);
}
