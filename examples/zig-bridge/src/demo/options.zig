//! The command line of the demo.

const std = @import("std");

pub const usage =
    \\usage: zig-bridge-demo [option ...]
    \\
    \\Start a workflow on a Temporal server, complete it with a worker, and print the result: the
    \\nth Fibonacci number.
    \\
    \\  --target-url URL      URL of the server (default: http://127.0.0.1:7233)
    \\  --namespace NAME      namespace (default: default)
    \\  --task-queue NAME     task queue (default: zig-bridge-demo)
    \\  --workflow-id ID      workflow ID (default: a new one, from the time and the process ID)
    \\  --input N             the workflow's input, 0 to 93 (default: 50)
    \\  --timeout-millis N    longest wait for each response of the server, for the workflow to
    \\                        end, and for the worker to end (default: 10000)
    \\  --help                show this help
    \\
;

pub const Options = struct {
    target_url: [:0]const u8 = "http://127.0.0.1:7233",
    namespace: [:0]const u8 = "default",
    task_queue: [:0]const u8 = "zig-bridge-demo",
    workflow_id: ?[]const u8 = null,
    /// As JSON.
    input: []const u8 = "50",
    timeout_millis: u32 = 10_000,

    /// What is wrong with a command line, and where.
    pub const Problem = struct { what: []const u8 = "", argument: []const u8 = "" };

    /// Parses arguments, without the program's name. Sets the problem if the error is BadUsage.
    pub fn parse(arguments: []const [*:0]const u8, problem: *Problem) !Options {
        var options: Options = .{};
        var index: usize = 0;
        while (index < arguments.len) : (index += 2) {
            const name = std.mem.span(arguments[index]);
            if (std.mem.eql(u8, name, "--help")) return error.HelpWanted;
            problem.argument = name;
            const value = if (index + 1 < arguments.len) std.mem.span(arguments[index + 1]) else "";
            options.set(name, value) catch |err| {
                problem.what = switch (err) {
                    error.UnknownOption => "unknown option",
                    error.NoValue => "no value for",
                    error.NotANumber => "expected a number of milliseconds above 0 for",
                };
                return error.BadUsage;
            };
        }
        return options;
    }

    fn set(options: *Options, name: []const u8, value: [:0]const u8) !void {
        const texts = .{
            .{ "--target-url", &options.target_url },
            .{ "--namespace", &options.namespace },
            .{ "--task-queue", &options.task_queue },
            .{ "--workflow-id", &options.workflow_id },
            .{ "--input", &options.input },
        };
        inline for (texts) |known| if (std.mem.eql(u8, name, known[0])) {
            if (value.len == 0) return error.NoValue;
            known[1].* = value;
            return;
        };
        if (!std.mem.eql(u8, name, "--timeout-millis")) return error.UnknownOption;
        options.timeout_millis = std.fmt.parseInt(u32, value, 10) catch return error.NotANumber;
        if (options.timeout_millis == 0) return error.NotANumber;
    }
};
