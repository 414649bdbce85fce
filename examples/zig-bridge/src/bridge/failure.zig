//! The error object of the C interface, and how it is returned to the caller.

const std = @import("std");
const api = @import("temporal_zig_bridge");
const c = @import("temporal");

const allocator = std.heap.c_allocator;

pub const Failure = struct {
    /// A TEMPORAL_ZIG_ERROR_* value.
    kind: i32,
    message: [:0]const u8,
    grpc_status: u32 = 0,
    grpc_details: ?*const c.TemporalCoreByteArray = null,

    /// The error to return if there is no memory for another one.
    var out_of_memory: Failure = .{
        .kind = api.TEMPORAL_ZIG_ERROR_MEMORY,
        .message = "out of memory",
    };

    fn create(kind: i32, comptime format: []const u8, arguments: anytype) !*Failure {
        const message = try std.fmt.allocPrintSentinel(allocator, format, arguments, 0);
        errdefer allocator.free(message);
        const failure = try allocator.create(Failure);
        failure.* = .{ .kind = kind, .message = message };
        return failure;
    }

    pub fn free(failure: *Failure) void {
        if (failure == &out_of_memory) return;
        c.temporal_core_byte_array_free(null, failure.grpc_details);
        allocator.free(failure.message);
        allocator.destroy(failure);
    }
};

/// Where to store the error for a caller of the C interface, if the caller wants one. Every failure is also a
/// Zig error, so that `errdefer` cleans up.
pub const Report = struct {
    out: ?*?*Failure,

    /// `Reported`: the error is stored, or the caller does not want it.
    pub const Error = error{ Reported, OutOfMemory };

    pub fn fail(
        report: Report,
        kind: i32,
        comptime format: []const u8,
        arguments: anytype,
    ) Error {
        if (report.out) |out| out.* = try Failure.create(kind, format, arguments);
        return error.Reported;
    }

    /// Like `fail`, for a gRPC status. Takes ownership of the details.
    pub fn failRpc(
        report: Report,
        status: u32,
        details: ?*const c.TemporalCoreByteArray,
        comptime format: []const u8,
        arguments: anytype,
    ) Error {
        const err = report.fail(api.TEMPORAL_ZIG_ERROR_RPC, format, arguments);
        if (err == error.Reported) if (report.out) |out| {
            out.*.?.grpc_status = status;
            out.*.?.grpc_details = details;
            return err;
        };
        c.temporal_core_byte_array_free(null, details);
        return err;
    }

    /// The last step of every exported function that fails.
    pub fn finish(report: Report, err: Error) void {
        if (err == error.OutOfMemory) if (report.out) |out| {
            out.* = &Failure.out_of_memory;
        };
    }
};
