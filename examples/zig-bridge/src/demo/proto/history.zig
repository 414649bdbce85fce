//! Waits for the end of a workflow, which is an event in the workflow's history.
//!
//! Source of the messages: https://github.com/temporalio/api. The comments name the message of each number.

const std = @import("std");
const Execution = @import("api.zig").Execution;
const payload = @import("payload.zig");
const wire = @import("wire.zig");

/// Field numbers from the .proto files. Only those in use.
const number = struct {
    /// temporal.api.failure.v1.Failure
    const failure = struct {
        const message = 1;
    };
    /// temporal.api.history.v1.History
    const history = struct {
        const events = 1; // repeated HistoryEvent
    };
    /// temporal.api.history.v1.HistoryEvent
    const history_event = struct {
        const completed = 7; // WorkflowExecutionCompletedEventAttributes
        const failed = 8; // WorkflowExecutionFailedEventAttributes
    };
    /// temporal.api.history.v1.WorkflowExecutionCompletedEventAttributes
    const completed_event = struct {
        const result = 1; // Payloads
    };
    /// temporal.api.history.v1.WorkflowExecutionFailedEventAttributes
    const failed_event = struct {
        const failure = 1; // Failure
    };
    /// temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryRequest
    const history_request = struct {
        const namespace = 1;
        const execution = 2; // WorkflowExecution
        const next_page_token = 4;
        const wait_new_event = 5; // bool
        const filter = 6; // enum HistoryEventFilterType
    };
    /// temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryResponse
    const history_response = struct {
        const history = 1; // History
        const next_page_token = 3;
    };
};

/// HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT of temporal.api.enums.v1.HistoryEventFilterType.
const only_the_closing_event = 2;

/// Makes a GetWorkflowExecutionHistoryRequest that waits for the workflow to end. If it has not ended
/// after about 20 s, the response has a page token for the next request.
pub fn awaitEnd(arena: std.mem.Allocator, execution: Execution, page_token: []const u8) ![]u8 {
    const field = number.history_request;
    return wire.encode(arena, &.{
        .bytes(field.namespace, execution.namespace),
        .bytes(field.execution, try execution.encode(arena)),
        .bytes(field.next_page_token, page_token),
        .integer(field.wait_new_event, @intFromBool(true)),
        .integer(field.filter, only_the_closing_event),
    });
}

/// How a workflow ended. The strings refer to memory in the response.
pub const End = union(enum) {
    /// The result, as JSON.
    completed: []const u8,
    /// The failure's message.
    failed: []const u8,
    /// Terminated, timed out, or in another way.
    otherwise,

    /// Reads a temporal.api.history.v1.HistoryEvent.
    fn decode(event: []const u8) !End {
        if (try wire.optionalBytesOf(event, number.history_event.completed)) |completed| {
            const result = try wire.bytesOf(completed, number.completed_event.result);
            return .{ .completed = try payload.decodeOne(result) };
        }
        if (try wire.optionalBytesOf(event, number.history_event.failed)) |failed| {
            const failure = try wire.bytesOf(failed, number.failed_event.failure);
            return .{ .failed = try wire.bytesOf(failure, number.failure.message) };
        }
        return .otherwise;
    }
};

/// The response to `awaitEnd`.
pub const Awaited = union(enum) {
    end: End,
    /// Not ended yet. The page token for the next request refers to memory in the response.
    page_token: []const u8,

    /// Reads a GetWorkflowExecutionHistoryResponse.
    pub fn decode(response: []const u8) !Awaited {
        const history = try wire.bytesOf(response, number.history_response.history);
        if (try wire.optionalBytesOf(history, number.history.events)) |event|
            return .{ .end = try .decode(event) };
        const token = try wire.bytesOf(response, number.history_response.next_page_token);
        return .{ .page_token = token };
    }
};

// The bytes are from Python's protobuf library, for the same messages.

test "the request has the same bytes as from another library" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const execution: Execution = .{ .namespace = "ns", .workflow_id = "w", .run_id = "r" };
    try std.testing.expectEqualSlices(
        u8,
        "\x0a\x02ns\x12\x06\x0a\x01w\x12\x01r\"\x01t(\x010\x02",
        try awaitEnd(arena.allocator(), execution, "t"),
    );
}

test "an end, or none yet, is read" {
    const completed = try Awaited.decode("\x0a*\x0a(\x08\x09\x18\x02:\"\x0a\x1e\x0a\x1c" ++
        "\x0a\x16\x0a\x08encoding\x12\x0ajson/plain\x12\x0255\x10\x04");
    try std.testing.expectEqualStrings("55", completed.end.completed);
    const failed = try Awaited.decode("\x0a\x0d\x0a\x0b\x08\x09\x18\x03B\x05\x0a\x03\x0a\x01m");
    try std.testing.expectEqualStrings("m", failed.end.failed);
    const terminated = try Awaited.decode("\x0a\x0c\x0a\x0a\x08\x09\x18\x1b\xda\x01\x03\x0a\x01m");
    try std.testing.expectEqual(End.otherwise, terminated.end);
    const not_yet = try Awaited.decode("\x1a\x03tok");
    try std.testing.expectEqualStrings("tok", not_yet.page_token);
}
