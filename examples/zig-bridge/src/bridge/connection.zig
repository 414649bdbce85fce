//! A runtime of the core with a connection to a server.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");
const Awaited = @import("queue.zig").Awaited;
const Bytes = @import("bytes.zig").Bytes;
const borrow = @import("bytes.zig").borrow;
const Event = @import("queue.zig").Event;
const Queue = @import("queue.zig").Queue;
const Report = @import("failure.zig").Report;
const Started = @import("started.zig").Started;
const text = @import("bytes.zig").text;

const allocator = std.heap.c_allocator;

/// Sent with every call; the server shows them and counts by them.
const client_name = "temporal-zig-bridge";
const client_version = "0.1.0";
const identity = "zig-bridge";

/// How much longer an attempt may take than the whole call, so that the limit of the whole call applies first.
const grace_millis = 1000;

pub const Bridge = struct {
    runtime: *c.TemporalCoreRuntime,
    connection: *c.TemporalCoreConnection,

    /// Connects, and waits for the connection.
    pub fn connect(target_url: []const u8, timeout_millis: u32, report: Report) !*Bridge {
        const runtime = try newRuntime(report);
        errdefer c.temporal_core_runtime_free(runtime);

        const awaited: Awaited = .init();
        defer awaited.deinit();
        const options = connectionOptions(target_url);
        var extra = extraOptions();
        extra.cancellation_token = awaited.cancellation;
        c.temporal_static_libs_client_connect(
            runtime,
            &options,
            &extra,
            awaited.userData(),
            c.temporal_static_libs_on_client_connect,
        );
        var end = awaited.wait(timeout_millis);
        defer c.temporal_static_libs_event_free(&end.event);
        if (end.canceled and end.event.connection == null) return report.fail(
            api.TEMPORAL_ZIG_ERROR_TIMEOUT,
            "connecting to {s}: no answer within {d} ms",
            .{ target_url, timeout_millis },
        );
        return connected(runtime, target_url, &end.event, report);
    }

    /// Starts to connect.
    pub fn startConnect(
        queue: *Queue,
        tag: u64,
        target_url: []const u8,
        timeout_millis: u32,
        report: Report,
    ) !void {
        const started: *Started = try .create(tag);
        errdefer started.destroy();
        const lent = started.lent.allocator();
        const url = try lent.dupe(u8, target_url);
        const options = try lent.create(c.TemporalCoreConnectionOptions);
        options.* = connectionOptions(url);
        var extra = extraOptions();
        extra.timeout_millis = timeout_millis;

        const runtime = try newRuntime(report);
        started.call = .{ .connect = .{ .runtime = runtime, .target_url = url } };
        c.temporal_static_libs_client_connect(
            runtime,
            options,
            &extra,
            started.userData(queue),
            c.temporal_static_libs_on_client_connect,
        );
    }

    /// Makes a bridge from the result of a connection attempt. On failure, the caller still owns the runtime.
    pub fn connected(
        runtime: *c.TemporalCoreRuntime,
        target_url: []const u8,
        event: *Event,
        report: Report,
    ) !*Bridge {
        const connection = event.connection orelse return report.fail(
            api.TEMPORAL_ZIG_ERROR_CONNECT,
            "connecting to {s}: {s}",
            .{ target_url, text(event.fail) },
        );
        const bridge = try allocator.create(Bridge);
        bridge.* = .{ .runtime = runtime, .connection = connection };
        event.connection = null;
        return bridge;
    }

    pub fn free(bridge: *Bridge) void {
        c.temporal_core_client_free(bridge.connection);
        c.temporal_core_runtime_free(bridge.runtime);
        allocator.destroy(bridge);
    }

    /// Makes a call, and waits for the response.
    pub fn call(
        bridge: *Bridge,
        service: u32,
        rpc: []const u8,
        request: []const u8,
        timeout_millis: u32,
        report: Report,
    ) !*const Bytes {
        const awaited: Awaited = .init();
        defer awaited.deinit();
        var options = callOptions(service, rpc, request);
        options.timeout_millis = if (timeout_millis == 0) 0 else timeout_millis +| grace_millis;
        options.cancellation_token = awaited.cancellation;
        c.temporal_core_client_rpc_call(
            bridge.connection,
            &options,
            awaited.userData(),
            c.temporal_static_libs_on_client_rpc_call,
        );
        var end = awaited.wait(timeout_millis);
        defer c.temporal_static_libs_event_free(&end.event);
        if (end.canceled and end.event.success == null) return report.fail(
            api.TEMPORAL_ZIG_ERROR_TIMEOUT,
            "{s}: no answer within {d} ms ({s})",
            .{ rpc, timeout_millis, text(end.event.fail) },
        );
        return answered(rpc, &end.event, report);
    }

    /// Starts a call.
    pub fn startCall(
        bridge: *Bridge,
        queue: *Queue,
        tag: u64,
        service: u32,
        rpc: []const u8,
        request: []const u8,
        timeout_millis: u32,
    ) !void {
        const started: *Started = try .create(tag);
        errdefer started.destroy();
        const lent = started.lent.allocator();
        const name = try lent.dupe(u8, rpc);
        const options = try lent.create(c.TemporalCoreRpcCallOptions);
        options.* = callOptions(service, name, try lent.dupe(u8, request));
        options.timeout_millis = timeout_millis;
        started.call = .{ .rpc = name };
        c.temporal_core_client_rpc_call(
            bridge.connection,
            options,
            started.userData(queue),
            c.temporal_static_libs_on_client_rpc_call,
        );
    }

    /// Returns the response in the result of a call.
    pub fn answered(rpc: []const u8, event: *Event, report: Report) !*const Bytes {
        if (event.success) |response| {
            event.success = null;
            return response;
        }
        const message = text(event.fail);
        if (event.status_code == 0)
            return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "{s}: {s}", .{ rpc, message });
        const details = event.failure_details;
        event.failure_details = null;
        return report.failRpc(event.status_code, details, "{s}: {s}", .{ rpc, message });
    }
};

fn newRuntime(report: Report) !*c.TemporalCoreRuntime {
    const options = std.mem.zeroes(c.TemporalCoreRuntimeOptions);
    const created = c.temporal_core_runtime_new(&options);
    if (created.fail == null) return created.runtime.?;
    defer c.temporal_core_runtime_free(created.runtime);
    defer c.temporal_core_byte_array_free(created.runtime, created.fail);
    return report.fail(api.TEMPORAL_ZIG_ERROR_CORE, "starting the core: {s}", .{text(created.fail)});
}

fn connectionOptions(target_url: []const u8) c.TemporalCoreConnectionOptions {
    var options = std.mem.zeroes(c.TemporalCoreConnectionOptions);
    options.target_url = borrow(target_url);
    options.client_name = borrow(client_name);
    options.client_version = borrow(client_version);
    options.identity = borrow(identity);
    return options;
}

fn extraOptions() c.TemporalStaticLibsConnectOptions {
    var options = std.mem.zeroes(c.TemporalStaticLibsConnectOptions);
    options.size = @sizeOf(c.TemporalStaticLibsConnectOptions);
    return options;
}

fn callOptions(service: u32, rpc: []const u8, request: []const u8) c.TemporalCoreRpcCallOptions {
    var options = std.mem.zeroes(c.TemporalCoreRpcCallOptions);
    options.service = service;
    options.rpc = borrow(rpc);
    options.req = borrow(request);
    options.retry = true;
    return options;
}
