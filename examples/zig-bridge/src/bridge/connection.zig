//! A runtime of the core with a connection to a server, as blocking calls.

const std = @import("std");
const c = @import("c");
const Bytes = @import("bytes.zig").Bytes;
const borrow = @import("bytes.zig").borrow;
const text = @import("bytes.zig").text;
const Completion = @import("completion.zig").Completion;
const Deadline = @import("completion.zig").Deadline;
const Report = @import("failure.zig").Report;

const allocator = std.heap.c_allocator;

/// Sent with every call; the server shows and counts them.
const client_name = "temporal-zig-bridge";
const client_version = "0.1.0";
const identity = "zig-bridge";

pub const Bridge = struct {
    runtime: *c.TemporalCoreRuntime,
    connection: *c.TemporalCoreConnection,

    pub fn connect(target_url: []const u8, timeout_millis: u32, report: Report) !*Bridge {
        // A header and an archive that do not belong together end here, in a link error.
        c.TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();

        const bridge = try allocator.create(Bridge);
        errdefer allocator.destroy(bridge);
        bridge.runtime = try newRuntime(report);
        const attempt = ConnectAttempt.create(bridge.runtime, target_url) catch |err| {
            c.temporal_core_runtime_free(bridge.runtime);
            return err;
        };
        bridge.connection = try attempt.run(target_url, timeout_millis, report);
        return bridge;
    }

    pub fn free(bridge: *Bridge) void {
        c.temporal_core_client_free(bridge.connection);
        c.temporal_core_runtime_free(bridge.runtime);
        allocator.destroy(bridge);
    }

    pub fn call(
        bridge: *Bridge,
        service: u32,
        rpc: []const u8,
        request: []const u8,
        timeout_millis: u32,
        report: Report,
    ) !*const Bytes {
        const cancellation = c.temporal_core_cancellation_token_new() orelse
            return error.OutOfMemory;
        defer c.temporal_core_cancellation_token_free(cancellation);

        var options = std.mem.zeroes(c.TemporalCoreRpcCallOptions);
        options.service = service;
        options.rpc = borrow(rpc);
        options.req = borrow(request);
        options.retry = true;
        options.timeout_millis = timeout_millis;
        options.cancellation_token = cancellation;

        var completion: Completion(CallAnswer) = undefined;
        completion.init();
        defer completion.deinit();
        const deadline: Deadline = .in(timeout_millis);
        c.temporal_core_client_rpc_call(bridge.connection, &options, &completion, onCallAnswer);
        // The core's own timeout is one attempt's; the cancellation bounds all of them. It makes
        // the core answer at once, and that is awaited because `options` are in use until then.
        const answer = completion.wait(deadline) orelse cancelled: {
            c.temporal_core_cancellation_token_cancel(cancellation);
            break :cancelled completion.wait(.never).?;
        };
        if (answer.success) |response| return response;

        defer c.temporal_core_byte_array_free(bridge.runtime, answer.message);
        const message = text(answer.message);
        if (deadline.passed()) {
            c.temporal_core_byte_array_free(bridge.runtime, answer.details);
            return report.fail(
                c.TEMPORAL_ZIG_ERROR_TIMEOUT,
                "{s}: no answer within {d} ms ({s})",
                .{ rpc, timeout_millis, message },
            );
        }
        if (answer.status == 0)
            return report.fail(c.TEMPORAL_ZIG_ERROR_CORE, "{s}: {s}", .{ rpc, message });
        return report.failRpc(answer.status, answer.details, "{s}: {s}", .{ rpc, message });
    }
};

const CallAnswer = struct {
    success: ?*const Bytes,
    /// 0 if the failure is the core's own; `details` is null then.
    status: u32,
    message: ?*const Bytes,
    details: ?*const Bytes,
};

fn onCallAnswer(
    user_data: ?*anyopaque,
    success: [*c]const Bytes,
    status: u32,
    message: [*c]const Bytes,
    details: [*c]const Bytes,
) callconv(.c) void {
    const completion: *Completion(CallAnswer) = @ptrCast(@alignCast(user_data.?));
    // Never abandoned: `call` waits for this after a cancellation too.
    _ = completion.complete(.{
        .success = success,
        .status = status,
        .message = message,
        .details = details,
    });
}

fn newRuntime(report: Report) !*c.TemporalCoreRuntime {
    const options = std.mem.zeroes(c.TemporalCoreRuntimeOptions);
    const created = c.temporal_core_runtime_new(&options);
    if (created.fail == null) return created.runtime.?;
    defer c.temporal_core_runtime_free(created.runtime);
    defer c.temporal_core_byte_array_free(created.runtime, created.fail);
    return report.fail(c.TEMPORAL_ZIG_ERROR_CORE, "starting the core: {s}", .{text(created.fail)});
}

/// The core cannot cancel a connection attempt. When the deadline passes, the attempt is left to
/// its callback together with all that it uses; that is why it lives on the heap.
const ConnectAttempt = struct {
    runtime: *c.TemporalCoreRuntime,
    target_url: []u8,
    options: c.TemporalCoreConnectionOptions,
    completion: Completion(Answer),

    const Answer = struct { connection: ?*c.TemporalCoreConnection, fail: ?*const Bytes };

    fn create(runtime: *c.TemporalCoreRuntime, target_url: []const u8) !*ConnectAttempt {
        const attempt = try allocator.create(ConnectAttempt);
        errdefer allocator.destroy(attempt);
        attempt.runtime = runtime;
        attempt.target_url = try allocator.dupe(u8, target_url);
        attempt.options = std.mem.zeroes(c.TemporalCoreConnectionOptions);
        attempt.options.target_url = borrow(attempt.target_url);
        attempt.options.client_name = borrow(client_name);
        attempt.options.client_version = borrow(client_version);
        attempt.options.identity = borrow(identity);
        attempt.completion.init();
        return attempt;
    }

    fn destroy(attempt: *ConnectAttempt) void {
        attempt.completion.deinit();
        allocator.free(attempt.target_url);
        allocator.destroy(attempt);
    }

    /// Called once. Ends the attempt, and on failure the runtime with it.
    fn run(
        attempt: *ConnectAttempt,
        target_url: []const u8,
        timeout_millis: u32,
        report: Report,
    ) !*c.TemporalCoreConnection {
        c.temporal_core_client_connect(attempt.runtime, &attempt.options, attempt, onAnswer);
        const answer = attempt.completion.waitOrAbandon(.in(timeout_millis)) orelse
            // `attempt` may be gone already.
            return report.fail(
                c.TEMPORAL_ZIG_ERROR_TIMEOUT,
                "connecting to {s}: no answer within {d} ms",
                .{ target_url, timeout_millis },
            );
        defer attempt.destroy();
        if (answer.connection) |connection| return connection;
        defer c.temporal_core_runtime_free(attempt.runtime);
        defer c.temporal_core_byte_array_free(attempt.runtime, answer.fail);
        return report.fail(
            c.TEMPORAL_ZIG_ERROR_CONNECT,
            "connecting to {s}: {s}",
            .{ target_url, text(answer.fail) },
        );
    }

    fn onAnswer(
        user_data: ?*anyopaque,
        connection: ?*c.TemporalCoreConnection,
        fail: [*c]const Bytes,
    ) callconv(.c) void {
        const attempt: *ConnectAttempt = @ptrCast(@alignCast(user_data.?));
        if (attempt.completion.complete(.{ .connection = connection, .fail = fail })) return;
        c.temporal_core_client_free(connection);
        c.temporal_core_byte_array_free(attempt.runtime, fail);
        c.temporal_core_runtime_free(attempt.runtime);
        attempt.destroy();
    }
};
