//! Starts a workflow on a Temporal server and reads it back, through the C surface of the bridge.

const std = @import("std");
const c = @import("temporal_zig_bridge");
const proto = @import("proto.zig");
const Options = @import("options.zig").Options;
const usage = @import("options.zig").usage;

const allocator = std.heap.c_allocator;

// C's main rather than Zig's, whose signature differs between the versions of Zig this works with.
pub export fn main(argc: c_int, argv: [*]const [*:0]const u8) c_int {
    var problem: Options.Problem = .{};
    const options = Options.parse(argv[1..@intCast(argc)], &problem) catch |err| switch (err) {
        error.HelpWanted => {
            print(usage, .{});
            return 0;
        },
        error.BadUsage => {
            complain("{s} '{s}'\n\n" ++ usage, .{ problem.what, problem.argument });
            return 2;
        },
    };
    run(options) catch |err| {
        if (err != error.Explained) complain("{s}\n", .{@errorName(err)});
        return 1;
    };
    return 0;
}

fn run(options: Options) !void {
    const server = try Server.connect(options.target_url, options.timeout_millis);
    defer server.disconnect();
    print("connected to: {s}\n", .{options.target_url});

    const info = try server.call("GetSystemInfo", "");
    defer c.temporal_zig_bytes_free(info);
    print("server version: {s}\n", .{try proto.serverVersion(contents(info))});

    const workflow_id = options.workflow_id orelse try newId();
    const start = try (proto.StartWorkflow{
        .namespace = options.namespace,
        .workflow_id = workflow_id,
        .workflow_type = "ZigBridgeDemo",
        .task_queue = options.task_queue,
        .identity = "zig-bridge-demo",
        .request_id = try newId(),
    }).encode(allocator);
    defer allocator.free(start);
    const started = try server.call("StartWorkflowExecution", start);
    defer c.temporal_zig_bytes_free(started);
    const run_id = try proto.runId(contents(started));
    print("started workflow: {s}\n", .{workflow_id});

    const describe = try (proto.DescribeWorkflow{
        .namespace = options.namespace,
        .workflow_id = workflow_id,
        .run_id = run_id,
    }).encode(allocator);
    defer allocator.free(describe);
    const described = try server.call("DescribeWorkflowExecution", describe);
    defer c.temporal_zig_bytes_free(described);
    const workflow = try proto.WorkflowDescription.decode(contents(described));
    if (!std.mem.eql(u8, workflow.workflow_id, workflow_id) or
        !std.mem.eql(u8, workflow.run_id, run_id))
    {
        complain("started run {s}, but the server described {s}\n", .{ run_id, workflow.run_id });
        return error.Explained;
    }
    print("workflow id: {s}\n", .{workflow.workflow_id});
    print("run id: {s}\n", .{workflow.run_id});
    print("workflow type: {s}\n", .{workflow.workflow_type});
    print("task queue: {s}\n", .{workflow.task_queue});
    print("status: {s}\n", .{workflow.status});
}

const Server = struct {
    bridge: *c.TemporalZigBridge,
    timeout_millis: u32,

    fn connect(target_url: [:0]const u8, timeout_millis: u32) !Server {
        var failure: ?*c.TemporalZigError = null;
        const bridge = c.temporal_zig_bridge_connect(target_url, timeout_millis, &failure) orelse {
            defer c.temporal_zig_error_free(failure);
            complain(
                \\{s}
                \\  --target-url takes the http://host:port of a server that is running;
                \\  'temporal server start-dev' starts one at http://127.0.0.1:7233
                \\
            , .{c.temporal_zig_error_message(failure)});
            return error.Explained;
        };
        return .{ .bridge = bridge, .timeout_millis = timeout_millis };
    }

    fn disconnect(server: Server) void {
        c.temporal_zig_bridge_free(server.bridge);
    }

    /// The response is the caller's to free.
    fn call(server: Server, rpc: [:0]const u8, request: []const u8) !*c.TemporalZigBytes {
        var failure: ?*c.TemporalZigError = null;
        return c.temporal_zig_bridge_call(
            server.bridge,
            c.TEMPORAL_ZIG_SERVICE_WORKFLOW,
            rpc,
            request.ptr,
            request.len,
            server.timeout_millis,
            &failure,
        ) orelse {
            defer c.temporal_zig_error_free(failure);
            complain("{s}\n", .{c.temporal_zig_error_message(failure)});
            const status = c.temporal_zig_error_grpc_status(failure);
            if (status != 0) std.debug.print("  gRPC status code: {d}\n", .{status});
            return error.Explained;
        };
    }
};

fn contents(bytes: *const c.TemporalZigBytes) []const u8 {
    const size = c.temporal_zig_bytes_size(bytes);
    return if (size == 0) "" else c.temporal_zig_bytes_data(bytes)[0..size];
}

/// One that no other run of this program makes.
fn newId() ![]const u8 {
    var now: std.c.timespec = undefined;
    _ = std.c.clock_gettime(.REALTIME, &now);
    return std.fmt.allocPrint(
        allocator,
        "zig-bridge-demo-{d}-{d}-{d}",
        .{ now.sec, now.nsec, std.c.getpid() },
    );
}

fn print(comptime format: []const u8, arguments: anytype) void {
    const line = std.fmt.allocPrint(allocator, format, arguments) catch return;
    defer allocator.free(line);
    _ = std.c.write(std.c.STDOUT_FILENO, line.ptr, line.len);
}

fn complain(comptime format: []const u8, arguments: anytype) void {
    std.debug.print("zig-bridge-demo: " ++ format, arguments);
}
