//! Starts a workflow on a Temporal server, completes it with its own worker, and reads the
//! result back, all through the C interface of the bridge.

const std = @import("std");
const api = @import("proto/api.zig");
const clock = @import("clock.zig");
const complain = @import("console.zig").complain;
const print = @import("console.zig").print;
const history = @import("proto/history.zig");
const Options = @import("options.zig").Options;
const Server = @import("server.zig").Server;
const usage = @import("options.zig").usage;
const Worker = @import("worker.zig").Worker;
const workflow = @import("workflow.zig");

// C's main, because the signature of Zig's main differs between the supported versions of Zig.
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
    var arena: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
    defer arena.deinit();
    run(arena.allocator(), options) catch |err| {
        if (err != error.Explained) complain("{s}\n", .{@errorName(err)});
        return 1;
    };
    return 0;
}

fn run(arena: std.mem.Allocator, options: Options) !void {
    const server = try Server.connect(options.target_url, options.timeout_millis);
    defer server.disconnect();
    print("connected to: {s}\n", .{options.target_url});

    const info = try server.call(arena, "GetSystemInfo", "");
    print("server version: {s}\n", .{try api.serverVersion(info)});

    const execution = try start(arena, server, options);
    print("started workflow: {s}\n", .{execution.workflow_id});

    const end = try serveUntilEnd(arena, server, options, execution);
    try describe(arena, server, execution);
    switch (end) {
        .completed => |result| print("result: {s}\n", .{result}),
        .failed => |message| {
            complain("the workflow failed: {s}\n", .{message});
            return error.Explained;
        },
        .otherwise => {
            complain("the workflow ended without a result\n", .{});
            return error.Explained;
        },
    }
}

fn start(arena: std.mem.Allocator, server: Server, options: Options) !api.Execution {
    const workflow_id = options.workflow_id orelse try newId(arena);
    const request: api.StartWorkflow = .{
        .namespace = options.namespace,
        .workflow_id = workflow_id,
        .workflow_type = workflow.name,
        .task_queue = options.task_queue,
        .input = options.input,
        .identity = "zig-bridge-demo",
        .request_id = try newId(arena),
    };
    const response = try server.call(arena, "StartWorkflowExecution", try request.encode(arena));
    return .{
        .namespace = options.namespace,
        .workflow_id = workflow_id,
        .run_id = try api.runId(response),
    };
}

fn serveUntilEnd(
    arena: std.mem.Allocator,
    server: Server,
    options: Options,
    execution: api.Execution,
) !history.End {
    var worker: Worker = undefined;
    try worker.start(server, options.namespace, options.task_queue);
    print("started worker: {s}\n", .{options.task_queue});
    const end = awaitEnd(arena, server, execution) catch |err| {
        worker.stop() catch {}; // it has printed why
        return err;
    };
    try worker.stop();
    return end;
}

fn awaitEnd(arena: std.mem.Allocator, server: Server, execution: api.Execution) !history.End {
    const countdown: clock.Countdown = .of(server.timeout_millis);
    var page_token: []const u8 = "";
    while (countdown.left()) |millis| {
        const request = try history.awaitEnd(arena, execution, page_token);
        const rpc = "GetWorkflowExecutionHistory";
        switch (try history.Awaited.decode(try server.callWithin(millis, arena, rpc, request))) {
            .end => |end| return end,
            .page_token => |token| page_token = token,
        }
    }
    complain(
        "workflow {s} has not ended within {d} ms\n",
        .{ execution.workflow_id, server.timeout_millis },
    );
    return error.Explained;
}

fn describe(arena: std.mem.Allocator, server: Server, execution: api.Execution) !void {
    const request = try api.describeWorkflow(arena, execution);
    const response = try server.call(arena, "DescribeWorkflowExecution", request);
    const found = try api.WorkflowDescription.decode(response);
    if (!std.mem.eql(u8, found.workflow_id, execution.workflow_id) or
        !std.mem.eql(u8, found.run_id, execution.run_id))
    {
        complain(
            "started run {s}, but the server described {s}\n",
            .{ execution.run_id, found.run_id },
        );
        return error.Explained;
    }
    print("workflow id: {s}\n", .{found.workflow_id});
    print("run id: {s}\n", .{found.run_id});
    print("workflow type: {s}\n", .{found.workflow_type});
    print("task queue: {s}\n", .{found.task_queue});
    print("status: {s}\n", .{found.status});
}

/// Returns an ID that no other run of this program uses.
fn newId(arena: std.mem.Allocator) ![]const u8 {
    return std.fmt.allocPrint(arena, "zig-bridge-demo-{d}-{d}", .{ clock.now(), getpid() });
}

// Zig's declaration is for Unix only.
extern "c" fn getpid() c_int;
