//! Workflow activations, which a worker polls for and completes.
//!
//! Source of the messages: protos/local/temporal/sdk/core in the Rust crate temporalio-protos. The comments name
//! the message of each number.

const std = @import("std");
const payload = @import("payload.zig");
const wire = @import("wire.zig");

/// Field numbers from the .proto files. Only those in use.
const number = struct {
    /// coresdk.workflow_activation.WorkflowActivation
    const activation = struct {
        const run_id = 1;
        const jobs = 5; // repeated WorkflowActivationJob
    };
    /// coresdk.workflow_activation.WorkflowActivationJob: exactly one of them
    const job = struct {
        const initialize_workflow = 1; // InitializeWorkflow
        const remove_from_cache = 50; // RemoveFromCache
    };
    /// coresdk.workflow_activation.InitializeWorkflow
    const initialize_workflow = struct {
        const workflow_type = 1; // string
        const arguments = 3; // repeated temporal.api.common.v1.Payload
    };
    /// coresdk.workflow_completion.WorkflowActivationCompletion: the run, and one of the others
    const completion = struct {
        const run_id = 1;
        const successful = 2; // Success
        const failed = 3; // coresdk.workflow_completion.Failure
    };
    /// coresdk.workflow_completion.Success
    const success = struct {
        const commands = 1; // repeated WorkflowCommand
    };
    /// coresdk.workflow_completion.Failure
    const task_failure = struct {
        const failure = 1; // temporal.api.failure.v1.Failure
    };
    /// coresdk.workflow_commands.WorkflowCommand: exactly one of them
    const command = struct {
        const complete_workflow = 6; // CompleteWorkflowExecution
        const fail_workflow = 7; // FailWorkflowExecution
    };
    /// coresdk.workflow_commands.CompleteWorkflowExecution
    const complete_workflow = struct {
        const result = 1; // temporal.api.common.v1.Payload
    };
    /// coresdk.workflow_commands.FailWorkflowExecution
    const fail_workflow = struct {
        const failure = 1; // temporal.api.failure.v1.Failure
    };
    /// temporal.api.failure.v1.Failure
    const failure = struct {
        const message = 1;
        const application = 5; // ApplicationFailureInfo
    };
    /// temporal.api.failure.v1.ApplicationFailureInfo
    const application_failure = struct {
        const non_retryable = 2; // bool
    };
};

/// A coresdk.workflow_activation.WorkflowActivation. Everything in it refers to memory in its bytes.
pub const Activation = struct {
    run_id: []const u8,
    jobs: Jobs,

    pub fn decode(bytes: []const u8) !Activation {
        return .{
            .run_id = try wire.bytesOf(bytes, number.activation.run_id),
            .jobs = .{ .activation = .{ .rest = bytes } },
        };
    }

    pub const Jobs = struct {
        activation: wire.Reader,

        pub fn next(jobs: *Jobs) !?Job {
            const bytes = try jobs.activation.nextBytes(number.activation.jobs) orelse return null;
            var job: wire.Reader = .{ .rest = bytes };
            const variant = try job.next() orelse return error.MalformedProtobuf;
            return switch (variant.number) {
                number.job.initialize_workflow => .{
                    .initialize_workflow = try .decode(
                        try wire.bytesOf(bytes, number.job.initialize_workflow),
                    ),
                },
                number.job.remove_from_cache => .remove_from_cache,
                else => .{ .other = variant.number },
            };
        }
    };
};

pub const Job = union(enum) {
    /// The first job of a run.
    initialize_workflow: InitializeWorkflow,
    /// The last job: forget the run. It is always the only job of its activation.
    remove_from_cache,
    /// A job that the demo does not handle, by its field number.
    other: u64,
};

pub const InitializeWorkflow = struct {
    workflow_type: []const u8,
    /// The first argument, a temporal.api.common.v1.Payload; null if there is none.
    argument: ?[]const u8,

    fn decode(bytes: []const u8) !InitializeWorkflow {
        var arguments: wire.Reader = .{ .rest = bytes };
        return .{
            .workflow_type = try wire.bytesOf(bytes, number.initialize_workflow.workflow_type),
            .argument = try arguments.nextBytes(number.initialize_workflow.arguments),
        };
    }
};

/// A coresdk.workflow_completion.WorkflowActivationCompletion.
pub const Completion = struct {
    run_id: []const u8,
    status: Status,

    pub const Status = union(enum) {
        /// The workflow has no commands.
        nothing,
        /// The workflow completes with this result, as JSON.
        complete_workflow: []const u8,
        /// The workflow fails with this message.
        fail_workflow: []const u8,
        /// The workflow task fails with this message; the server retries it later.
        fail_task: []const u8,
    };

    pub fn encode(completion: Completion, arena: std.mem.Allocator) ![]u8 {
        const status: wire.Field = switch (completion.status) {
            .nothing => .bytes(number.completion.successful, ""),
            .complete_workflow => |result| .bytes(
                number.completion.successful,
                try oneCommand(
                    arena,
                    number.command.complete_workflow,
                    .bytes(number.complete_workflow.result, try payload.encode(arena, result)),
                ),
            ),
            .fail_workflow => |message| .bytes(
                number.completion.successful,
                try oneCommand(
                    arena,
                    number.command.fail_workflow,
                    .bytes(number.fail_workflow.failure, try applicationFailure(arena, message)),
                ),
            ),
            .fail_task => |message| .bytes(
                number.completion.failed,
                try wire.encode(arena, &.{.bytes(
                    number.task_failure.failure,
                    try wire.encode(arena, &.{.bytes(number.failure.message, message)}),
                )}),
            ),
        };
        return wire.encode(arena, &.{
            .bytes(number.completion.run_id, completion.run_id),
            status,
        });
    }
};

/// Makes a coresdk.workflow_completion.Success with one command, which has one field.
fn oneCommand(arena: std.mem.Allocator, variant: u64, content: wire.Field) ![]u8 {
    const command: wire.Field = .bytes(variant, try wire.encode(arena, &.{content}));
    return wire.encode(arena, &.{
        .bytes(number.success.commands, try wire.encode(arena, &.{command})),
    });
}

/// Makes a temporal.api.failure.v1.Failure that is not retried, because the workflow would fail again.
fn applicationFailure(arena: std.mem.Allocator, message: []const u8) ![]u8 {
    const final: wire.Field = .integer(number.application_failure.non_retryable, 1);
    return wire.encode(arena, &.{
        .bytes(number.failure.message, message),
        .bytes(number.failure.application, try wire.encode(arena, &.{final})),
    });
}

// The bytes are from Python's protobuf library, for the same messages.

test "the jobs of an activation are read" {
    var started = try Activation.decode("\x0a\x01r\x12\x02\x08\x05 \x03*@\x0a>" ++
        "\x0a\x0dZigBridgeDemo\x12\x01w\x1a\x1c\x0a\x16\x0a\x08encoding\x12\x0ajson/plain\x12\x0210" ++
        " \x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x88\x01\x01");
    try std.testing.expectEqualStrings("r", started.run_id);
    const first = (try started.jobs.next()).?.initialize_workflow;
    try std.testing.expectEqualStrings("ZigBridgeDemo", first.workflow_type);
    try std.testing.expectEqualStrings("10", try payload.decode(first.argument.?));
    try std.testing.expectEqual(null, try started.jobs.next());

    var evicted = try Activation.decode("\x0a\x01r*\x0b\x92\x03\x08\x0a\x04full\x10\x01");
    try std.testing.expectEqual(Job.remove_from_cache, (try evicted.jobs.next()).?);

    var signaled = try Activation.decode("\x0a\x01r*\x05:\x03\x0a\x01s");
    try std.testing.expectEqual(7, (try signaled.jobs.next()).?.other);

    var nothing = try Activation.decode("\x0a\x01r*\x00");
    try std.testing.expectError(error.MalformedProtobuf, nothing.jobs.next());
}

test "a completion has the same bytes as from another library" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const cases = [_]struct { Completion, []const u8 }{
        .{ .{ .run_id = "r", .status = .nothing }, "\x0a\x01r\x12\x00" },
        .{
            .{ .run_id = "r", .status = .{ .complete_workflow = "55" } },
            "\x0a\x01r\x12\"\x0a 2\x1e\x0a\x1c" ++
                "\x0a\x16\x0a\x08encoding\x12\x0ajson/plain\x12\x0255",
        },
        .{
            .{ .run_id = "r", .status = .{ .fail_workflow = "m" } },
            "\x0a\x01r\x12\x0d\x0a\x0b:\x09\x0a\x07\x0a\x01m*\x02\x10\x01",
        },
        .{
            .{ .run_id = "r", .status = .{ .fail_task = "m" } },
            "\x0a\x01r\x1a\x05\x0a\x03\x0a\x01m",
        },
    };
    for (cases) |case| {
        const completion, const expected = case;
        try std.testing.expectEqualSlices(u8, expected, try completion.encode(arena.allocator()));
    }
}
