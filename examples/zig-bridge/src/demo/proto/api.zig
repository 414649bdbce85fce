//! The demo's requests to the server, and the server's responses. Waiting for a workflow's end is
//! in history.zig.
//!
//! Source of the messages: https://github.com/temporalio/api. The comments name the message of each number.

const std = @import("std");
const payload = @import("payload.zig");
const wire = @import("wire.zig");

/// Field numbers from the .proto files. Only those in use.
const number = struct {
    /// temporal.api.common.v1.WorkflowType
    const workflow_type = struct {
        const name = 1;
    };
    /// temporal.api.taskqueue.v1.TaskQueue
    const task_queue = struct {
        const name = 1;
    };
    /// temporal.api.common.v1.WorkflowExecution
    const workflow_execution = struct {
        const workflow_id = 1;
        const run_id = 2;
    };
    /// temporal.api.workflow.v1.WorkflowExecutionInfo
    const workflow_execution_info = struct {
        const execution = 1; // WorkflowExecution
        const workflow_type = 2; // `type`: WorkflowType
        const status = 5; // enum WorkflowExecutionStatus
        const task_queue = 13; // string
    };
    /// temporal.api.workflowservice.v1.GetSystemInfoResponse
    const get_system_info_response = struct {
        const server_version = 1;
    };
    /// temporal.api.workflowservice.v1.StartWorkflowExecutionRequest
    const start_request = struct {
        const namespace = 1;
        const workflow_id = 2;
        const workflow_type = 3; // WorkflowType
        const task_queue = 4; // TaskQueue
        const input = 5; // Payloads
        const identity = 9;
        const request_id = 10;
    };
    /// temporal.api.workflowservice.v1.StartWorkflowExecutionResponse
    const start_response = struct {
        const run_id = 1;
    };
    /// temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest
    const describe_request = struct {
        const namespace = 1;
        const execution = 2; // WorkflowExecution
    };
    /// temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse
    const describe_response = struct {
        const workflow_execution_info = 2; // WorkflowExecutionInfo
    };
};

/// temporal.api.enums.v1.WorkflowExecutionStatus, by value.
const statuses = [_][]const u8{
    "unspecified",
    "running",
    "completed",
    "failed",
    "canceled",
    "terminated",
    "continued as new",
    "timed out",
    "paused",
};

/// One run of a workflow.
pub const Execution = struct {
    namespace: []const u8,
    workflow_id: []const u8,
    run_id: []const u8,

    /// Makes a temporal.api.common.v1.WorkflowExecution.
    pub fn encode(execution: Execution, arena: std.mem.Allocator) ![]u8 {
        return wire.encode(arena, &.{
            .bytes(number.workflow_execution.workflow_id, execution.workflow_id),
            .bytes(number.workflow_execution.run_id, execution.run_id),
        });
    }
};

pub const StartWorkflow = struct {
    namespace: []const u8,
    workflow_id: []const u8,
    workflow_type: []const u8,
    task_queue: []const u8,
    /// The only argument, as JSON.
    input: []const u8,
    identity: []const u8,
    /// Lets the server recognize a second request with the same ID as a repetition.
    request_id: []const u8,

    /// Makes a StartWorkflowExecutionRequest.
    pub fn encode(start: StartWorkflow, arena: std.mem.Allocator) ![]u8 {
        const workflow_type: wire.Field = .bytes(number.workflow_type.name, start.workflow_type);
        const task_queue: wire.Field = .bytes(number.task_queue.name, start.task_queue);
        const field = number.start_request;
        return wire.encode(arena, &.{
            .bytes(field.namespace, start.namespace),
            .bytes(field.workflow_id, start.workflow_id),
            .bytes(field.workflow_type, try wire.encode(arena, &.{workflow_type})),
            .bytes(field.task_queue, try wire.encode(arena, &.{task_queue})),
            .bytes(field.input, try payload.encodeOne(arena, start.input)),
            .bytes(field.identity, start.identity),
            .bytes(field.request_id, start.request_id),
        });
    }
};

/// Makes a DescribeWorkflowExecutionRequest.
pub fn describeWorkflow(arena: std.mem.Allocator, execution: Execution) ![]u8 {
    return wire.encode(arena, &.{
        .bytes(number.describe_request.namespace, execution.namespace),
        .bytes(number.describe_request.execution, try execution.encode(arena)),
    });
}

/// The description of a workflow. The strings refer to memory in the response.
pub const WorkflowDescription = struct {
    workflow_id: []const u8,
    run_id: []const u8,
    workflow_type: []const u8,
    task_queue: []const u8,
    status: []const u8,

    /// Reads a DescribeWorkflowExecutionResponse.
    pub fn decode(response: []const u8) !WorkflowDescription {
        const field = number.workflow_execution_info;
        const info = try wire.bytesOf(response, number.describe_response.workflow_execution_info);
        const execution = try wire.bytesOf(info, field.execution);
        const workflow_type = try wire.bytesOf(info, field.workflow_type);
        const status = try wire.integerOf(info, field.status);
        return .{
            .workflow_id = try wire.bytesOf(execution, number.workflow_execution.workflow_id),
            .run_id = try wire.bytesOf(execution, number.workflow_execution.run_id),
            .workflow_type = try wire.bytesOf(workflow_type, number.workflow_type.name),
            .task_queue = try wire.bytesOf(info, field.task_queue),
            .status = if (status < statuses.len) statuses[@intCast(status)] else "unknown",
        };
    }
};

/// Reads `server_version` of a GetSystemInfoResponse.
pub fn serverVersion(response: []const u8) ![]const u8 {
    return wire.bytesOf(response, number.get_system_info_response.server_version);
}

/// Reads `run_id` of a StartWorkflowExecutionResponse.
pub fn runId(response: []const u8) ![]const u8 {
    return wire.bytesOf(response, number.start_response.run_id);
}

// The expected bytes are from Python's protobuf library, for the same messages.

test "requests have the same bytes as from another library" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const execution: Execution = .{ .namespace = "ns", .workflow_id = "w", .run_id = "r" };
    try std.testing.expectEqualSlices(
        u8,
        "\x0a\x02ns\x12\x01w\x1a\x03\x0a\x01t\"\x03\x0a\x01u" ++
            "*\x1e\x0a\x1c\x0a\x16\x0a\x08encoding\x12\x0ajson/plain\x12\x0210J\x01iR\x01q",
        try (StartWorkflow{
            .namespace = "ns",
            .workflow_id = "w",
            .workflow_type = "t",
            .task_queue = "u",
            .input = "10",
            .identity = "i",
            .request_id = "q",
        }).encode(arena.allocator()),
    );
    try std.testing.expectEqualSlices(
        u8,
        "\x0a\x02ns\x12\x06\x0a\x01w\x12\x01r",
        try describeWorkflow(arena.allocator(), execution),
    );
}

test "a description is read" {
    const info = "\x0a\x06\x0a\x01w\x12\x01r\x12\x03\x0a\x01t\x28\x01\x6a\x01q";
    const response = "\x0a\x00" ++ .{ 0x12, info.len } ++ info;
    const description = try WorkflowDescription.decode(response);
    try std.testing.expectEqualStrings("w", description.workflow_id);
    try std.testing.expectEqualStrings("r", description.run_id);
    try std.testing.expectEqualStrings("t", description.workflow_type);
    try std.testing.expectEqualStrings("q", description.task_queue);
    try std.testing.expectEqualStrings("running", description.status);
}
