//! As much of protobuf as the demo needs, written and read by hand, so that the example has no
//! other dependency. A real program generates this from Temporal's .proto files.
//!
//! Wire format: https://protobuf.dev/programming-guides/encoding/
//! Messages: https://github.com/temporalio/api; the comments name the message of each number.

const std = @import("std");

/// Field numbers, as the .proto files assign them. Only those in use.
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

pub const StartWorkflow = struct {
    namespace: []const u8,
    workflow_id: []const u8,
    workflow_type: []const u8,
    task_queue: []const u8,
    identity: []const u8,
    /// Tells the server that a second request with it is a repetition, not another start.
    request_id: []const u8,

    /// The StartWorkflowExecutionRequest.
    pub fn encode(start: StartWorkflow, allocator: std.mem.Allocator) ![]u8 {
        const field = number.start_request;
        var request: Writer = .{ .allocator = allocator };
        errdefer request.deinit();
        try request.string(field.namespace, start.namespace);
        try request.string(field.workflow_id, start.workflow_id);
        const type_name = number.workflow_type.name;
        try request.messageOfString(field.workflow_type, type_name, start.workflow_type);
        const queue_name = number.task_queue.name;
        try request.messageOfString(field.task_queue, queue_name, start.task_queue);
        try request.string(field.identity, start.identity);
        try request.string(field.request_id, start.request_id);
        return request.finish();
    }
};

pub const DescribeWorkflow = struct {
    namespace: []const u8,
    workflow_id: []const u8,
    run_id: []const u8,

    /// The DescribeWorkflowExecutionRequest.
    pub fn encode(describe: DescribeWorkflow, allocator: std.mem.Allocator) ![]u8 {
        var execution: Writer = .{ .allocator = allocator };
        defer execution.deinit();
        try execution.string(number.workflow_execution.workflow_id, describe.workflow_id);
        try execution.string(number.workflow_execution.run_id, describe.run_id);

        var request: Writer = .{ .allocator = allocator };
        errdefer request.deinit();
        try request.string(number.describe_request.namespace, describe.namespace);
        try request.string(number.describe_request.execution, execution.bytes.items);
        return request.finish();
    }
};

/// What DescribeWorkflowExecution says about a workflow. The strings lie in the response.
pub const WorkflowDescription = struct {
    workflow_id: []const u8,
    run_id: []const u8,
    workflow_type: []const u8,
    task_queue: []const u8,
    status: []const u8,

    /// Reads a DescribeWorkflowExecutionResponse.
    pub fn decode(response: []const u8) !WorkflowDescription {
        const field = number.workflow_execution_info;
        const info = try bytesOf(response, number.describe_response.workflow_execution_info);
        const execution = try bytesOf(info, field.execution);
        const workflow_type = try bytesOf(info, field.workflow_type);
        const status = try integerOf(info, field.status);
        return .{
            .workflow_id = try bytesOf(execution, number.workflow_execution.workflow_id),
            .run_id = try bytesOf(execution, number.workflow_execution.run_id),
            .workflow_type = try bytesOf(workflow_type, number.workflow_type.name),
            .task_queue = try bytesOf(info, field.task_queue),
            .status = if (status < statuses.len) statuses[@intCast(status)] else "unknown",
        };
    }
};

/// Reads `server_version` of a GetSystemInfoResponse.
pub fn serverVersion(response: []const u8) ![]const u8 {
    return bytesOf(response, number.get_system_info_response.server_version);
}

/// Reads `run_id` of a StartWorkflowExecutionResponse.
pub fn runId(response: []const u8) ![]const u8 {
    return bytesOf(response, number.start_response.run_id);
}

const wire_type = struct {
    const varint = 0;
    const fixed64 = 1;
    const bytes = 2;
    const fixed32 = 5;
};

const Writer = struct {
    allocator: std.mem.Allocator,
    bytes: std.ArrayList(u8) = .empty,

    fn deinit(writer: *Writer) void {
        writer.bytes.deinit(writer.allocator);
    }

    fn finish(writer: *Writer) ![]u8 {
        return writer.bytes.toOwnedSlice(writer.allocator);
    }

    /// A string, bytes, or a message that is already serialized: all look the same on the wire.
    fn string(writer: *Writer, field: u32, value: []const u8) !void {
        try writer.varint(@as(u64, field) << 3 | wire_type.bytes);
        try writer.varint(value.len);
        try writer.bytes.appendSlice(writer.allocator, value);
    }

    /// A message that holds one string.
    fn messageOfString(writer: *Writer, field: u32, inner: u32, value: []const u8) !void {
        var message: Writer = .{ .allocator = writer.allocator };
        defer message.deinit();
        try message.string(inner, value);
        try writer.string(field, message.bytes.items);
    }

    fn varint(writer: *Writer, value: u64) !void {
        var rest = value;
        while (rest >= 0x80) : (rest >>= 7) {
            try writer.bytes.append(writer.allocator, @as(u8, @truncate(rest)) | 0x80);
        }
        try writer.bytes.append(writer.allocator, @intCast(rest));
    }
};

const Field = struct {
    number: u64,
    value: union(enum) { integer: u64, bytes: []const u8, skipped },
};

const Reader = struct {
    rest: []const u8,

    fn next(reader: *Reader) !?Field {
        if (reader.rest.len == 0) return null;
        const tag = try reader.varint();
        return .{ .number = tag >> 3, .value = switch (tag & 7) {
            wire_type.varint => .{ .integer = try reader.varint() },
            wire_type.bytes => .{ .bytes = try reader.take(try reader.varint()) },
            wire_type.fixed64 => skip: {
                _ = try reader.take(8);
                break :skip .skipped;
            },
            wire_type.fixed32 => skip: {
                _ = try reader.take(4);
                break :skip .skipped;
            },
            else => return error.MalformedProtobuf,
        } };
    }

    fn take(reader: *Reader, size: u64) ![]const u8 {
        if (size > reader.rest.len) return error.MalformedProtobuf;
        defer reader.rest = reader.rest[@intCast(size)..];
        return reader.rest[0..@intCast(size)];
    }

    fn varint(reader: *Reader) !u64 {
        var value: u64 = 0;
        for (0..10) |index| {
            const byte = (try reader.take(1))[0];
            const bits: u64 = byte & 0x7f;
            if (index == 9 and bits > 1) return error.MalformedProtobuf;
            value |= bits << @intCast(7 * index);
            if (byte < 0x80) return value;
        }
        return error.MalformedProtobuf;
    }
};

/// The last value of a field, as protobuf asks; empty if the field is absent.
fn bytesOf(message: []const u8, field: u32) ![]const u8 {
    var found: []const u8 = "";
    var reader: Reader = .{ .rest = message };
    while (try reader.next()) |candidate| {
        if (candidate.number != field) continue;
        found = switch (candidate.value) {
            .bytes => |bytes| bytes,
            else => return error.MalformedProtobuf,
        };
    }
    return found;
}

/// The last value of a field, as protobuf asks; 0 if the field is absent.
fn integerOf(message: []const u8, field: u32) !u64 {
    var found: u64 = 0;
    var reader: Reader = .{ .rest = message };
    while (try reader.next()) |candidate| {
        if (candidate.number != field) continue;
        found = switch (candidate.value) {
            .integer => |integer| integer,
            else => return error.MalformedProtobuf,
        };
    }
    return found;
}

test "a request has the bytes that protobuf's encoding prescribes" {
    const request = try (DescribeWorkflow{
        .namespace = "ns",
        .workflow_id = "w",
        .run_id = "r",
    }).encode(std.testing.allocator);
    defer std.testing.allocator.free(request);
    try std.testing.expectEqualSlices(u8, "\x0a\x02ns\x12\x06\x0a\x01w\x12\x01r", request);
}

test "a description is read past fields of every wire type" {
    const info = "\x0a\x06\x0a\x01w\x12\x01r" ++ // execution
        "\x12\x03\x0a\x01t" ++ // type
        "\x19\x01\x02\x03\x04\x05\x06\x07\x08" ++ // 3, fixed64: not asked for
        "\x25\x01\x02\x03\x04" ++ // 4, fixed32: not asked for
        "\x28\x01" ++ // status
        "\x6a\x01q"; // task_queue
    const response = "\x0a\x00" ++ .{ 0x12, info.len } ++ info;
    const description = try WorkflowDescription.decode(response);
    try std.testing.expectEqualStrings("w", description.workflow_id);
    try std.testing.expectEqualStrings("r", description.run_id);
    try std.testing.expectEqualStrings("t", description.workflow_type);
    try std.testing.expectEqualStrings("q", description.task_queue);
    try std.testing.expectEqualStrings("running", description.status);
}

test "a string longer than one length byte survives" {
    const long: [300]u8 = @splat('x');
    var writer: Writer = .{ .allocator = std.testing.allocator };
    defer writer.deinit();
    try writer.string(1, &long);
    try std.testing.expectEqualStrings(&long, try runId(writer.bytes.items));
}

test "broken messages are errors" {
    const broken = [_][]const u8{
        "\x0a", // no length
        "\x0a\x05abc", // shorter than its length
        "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", // a length over 64 bits
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a tag without end
        "\x0b", // a group, which proto3 has not
        "\x08\x01", // an integer where a string belongs
    };
    for (broken) |message| {
        try std.testing.expectError(error.MalformedProtobuf, runId(message));
    }
}
