//! The declarations of include/temporal_zig_bridge.h, translated by Zig 0.15 for Zig 0.15, 0.16 and 0.17:
//! the output of `zig translate-c -lc include/temporal_zig_bridge.h`, without libc's declarations.

pub const struct_TemporalZigBridge = opaque {};
pub const TemporalZigBridge = struct_TemporalZigBridge;
pub const struct_TemporalZigWorker = opaque {};
pub const TemporalZigWorker = struct_TemporalZigWorker;
pub const struct_TemporalZigBytes = opaque {};
pub const TemporalZigBytes = struct_TemporalZigBytes;
pub const struct_TemporalZigError = opaque {};
pub const TemporalZigError = struct_TemporalZigError;
pub const struct_TemporalZigQueue = opaque {};
pub const TemporalZigQueue = struct_TemporalZigQueue;
pub const struct_TemporalZigEvent = extern struct {
    tag: u64 = @import("std").mem.zeroes(u64),
    result: ?*anyopaque = @import("std").mem.zeroes(?*anyopaque),
    @"error": ?*TemporalZigError = @import("std").mem.zeroes(?*TemporalZigError),
};
pub const TemporalZigEvent = struct_TemporalZigEvent;
pub const TEMPORAL_ZIG_ERROR_ARGUMENT: c_int = 1;
pub const TEMPORAL_ZIG_ERROR_CORE: c_int = 2;
pub const TEMPORAL_ZIG_ERROR_CONNECT: c_int = 3;
pub const TEMPORAL_ZIG_ERROR_RPC: c_int = 4;
pub const TEMPORAL_ZIG_ERROR_TIMEOUT: c_int = 5;
pub const TEMPORAL_ZIG_ERROR_MEMORY: c_int = 6;
pub const TEMPORAL_ZIG_ERROR_SHUT_DOWN: c_int = 7;
pub const TEMPORAL_ZIG_SERVICE_WORKFLOW: c_int = 1;
pub const TEMPORAL_ZIG_SERVICE_OPERATOR: c_int = 2;
pub const TEMPORAL_ZIG_SERVICE_CLOUD: c_int = 3;
pub const TEMPORAL_ZIG_SERVICE_TEST: c_int = 4;
pub const TEMPORAL_ZIG_SERVICE_HEALTH: c_int = 5;
pub extern fn temporal_zig_bridge_connect(target_url: [*c]const u8, timeout_millis: u32, @"error": [*c]?*TemporalZigError) ?*TemporalZigBridge;
pub extern fn temporal_zig_bridge_call(bridge: ?*TemporalZigBridge, service: u32, rpc: [*c]const u8, request: [*c]const u8, request_size: usize, timeout_millis: u32, @"error": [*c]?*TemporalZigError) ?*TemporalZigBytes;
pub extern fn temporal_zig_bridge_free(bridge: ?*TemporalZigBridge) void;
pub extern fn temporal_zig_worker_new(bridge: ?*TemporalZigBridge, namespace_name: [*c]const u8, task_queue: [*c]const u8, max_cached_workflows: u32, timeout_millis: u32, @"error": [*c]?*TemporalZigError) ?*TemporalZigWorker;
pub extern fn temporal_zig_worker_poll_workflow_activation(worker: ?*TemporalZigWorker, timeout_millis: u32, @"error": [*c]?*TemporalZigError) ?*TemporalZigBytes;
pub extern fn temporal_zig_worker_complete_workflow_activation(worker: ?*TemporalZigWorker, completion: [*c]const u8, completion_size: usize, timeout_millis: u32, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_worker_initiate_shutdown(worker: ?*TemporalZigWorker) void;
pub extern fn temporal_zig_worker_finalize_shutdown(worker: ?*TemporalZigWorker, timeout_millis: u32, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_worker_free(worker: ?*TemporalZigWorker) void;
pub extern fn temporal_zig_queue_new() ?*TemporalZigQueue;
pub extern fn temporal_zig_queue_descriptor(queue: ?*TemporalZigQueue, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_queue_try_next(queue: ?*TemporalZigQueue, event: [*c]TemporalZigEvent) i32;
pub extern fn temporal_zig_queue_free(queue: ?*TemporalZigQueue) void;
pub extern fn temporal_zig_bridge_start_connect(queue: ?*TemporalZigQueue, tag: u64, target_url: [*c]const u8, timeout_millis: u32, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_bridge_start_call(queue: ?*TemporalZigQueue, tag: u64, bridge: ?*TemporalZigBridge, service: u32, rpc: [*c]const u8, request: [*c]const u8, request_size: usize, timeout_millis: u32, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_worker_start_new(queue: ?*TemporalZigQueue, tag: u64, bridge: ?*TemporalZigBridge, namespace_name: [*c]const u8, task_queue: [*c]const u8, max_cached_workflows: u32, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_worker_start_poll_workflow_activation(queue: ?*TemporalZigQueue, tag: u64, worker: ?*TemporalZigWorker, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_worker_start_complete_workflow_activation(queue: ?*TemporalZigQueue, tag: u64, worker: ?*TemporalZigWorker, completion: [*c]const u8, completion_size: usize, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_worker_start_finalize_shutdown(queue: ?*TemporalZigQueue, tag: u64, worker: ?*TemporalZigWorker, @"error": [*c]?*TemporalZigError) i32;
pub extern fn temporal_zig_bytes_data(bytes: ?*const TemporalZigBytes) [*c]const u8;
pub extern fn temporal_zig_bytes_size(bytes: ?*const TemporalZigBytes) usize;
pub extern fn temporal_zig_bytes_free(bytes: ?*TemporalZigBytes) void;
pub extern fn temporal_zig_error_kind(@"error": ?*const TemporalZigError) i32;
pub extern fn temporal_zig_error_message(@"error": ?*const TemporalZigError) [*c]const u8;
pub extern fn temporal_zig_error_grpc_status(@"error": ?*const TemporalZigError) u32;
pub extern fn temporal_zig_error_grpc_details(@"error": ?*const TemporalZigError) ?*const TemporalZigBytes;
pub extern fn temporal_zig_error_free(@"error": ?*TemporalZigError) void;
