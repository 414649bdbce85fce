//! Sets a worker's options by the paths of Zig's translation of Temporal's own header, and gets logs
//! through a callback. Exit status 0: the worker was created, and its shutdown was logged.

const std = @import("std");
const c = @cImport({
    @cInclude("temporal-sdk-core-c-bridge.h");
});

const Failed = error{ Connect, Worker, NotLogged };

var connected = std.Thread.ResetEvent{};
var connection: ?*c.TemporalCoreConnection = null;
var logged = std.atomic.Value(bool).init(false);

fn text(value: []const u8) c.TemporalCoreByteArrayRef {
    return .{ .data = value.ptr, .size = value.len };
}

fn onLog(level: c.TemporalCoreForwardedLogLevel, log: ?*const c.TemporalCoreForwardedLog) callconv(.c) void {
    const message = c.temporal_core_forwarded_log_message(log);
    const is_shutdown = std.mem.eql(u8, message.data[0..message.size], "Initiated shutdown");
    if (level == c.TemporalCoreForwardedLogLevel_Info and is_shutdown) logged.store(true, .release);
}

fn onConnect(_: ?*anyopaque, success: ?*c.TemporalCoreConnection, fail: [*c]const c.TemporalCoreByteArray) callconv(.c) void {
    connection = success;
    c.temporal_core_byte_array_free(null, fail);
    connected.set();
}

fn onRpc(request: ?*c.TemporalCoreClientGrpcOverrideRequest, _: ?*anyopaque) callconv(.c) void {
    const response = std.mem.zeroes(c.TemporalCoreClientGrpcOverrideResponse);
    c.temporal_core_client_grpc_override_request_respond(request, response);
}

fn newRuntime() ?*c.TemporalCoreRuntime {
    var logging = std.mem.zeroes(c.TemporalCoreLoggingOptions);
    logging.filter = text("temporalio_sdk_core=info");
    logging.forward_to = onLog;
    var telemetry = std.mem.zeroes(c.TemporalCoreTelemetryOptions);
    telemetry.logging = &logging;
    var options = std.mem.zeroes(c.TemporalCoreRuntimeOptions);
    options.telemetry = &telemetry;
    return c.temporal_core_runtime_new(&options).runtime;
}

fn newWorker(strategy: c.TemporalCoreWorkerVersioningStrategy) Failed!*c.TemporalCoreWorker {
    var options = std.mem.zeroes(c.TemporalCoreWorkerOptions);
    options.namespace_ = text("default");
    options.task_queue = text("queue");
    options.versioning_strategy = strategy;
    options.task_types.enable_workflows = true;
    options.tuner.workflow_slot_supplier.tag = c.TemporalCoreSlotSupplier_FixedSize;
    options.tuner.workflow_slot_supplier.unnamed_0.unnamed_0.fixed_size.num_slots = 5;
    const activities = &options.tuner.activity_slot_supplier;
    activities.tag = c.TemporalCoreSlotSupplier_ResourceBased;
    activities.unnamed_0.unnamed_1.resource_based.maximum_slots = 5;
    activities.unnamed_0.unnamed_1.resource_based.tuner_options.target_memory_usage = 0.5;
    activities.unnamed_0.unnamed_1.resource_based.tuner_options.target_cpu_usage = 0.5;
    options.tuner.local_activity_slot_supplier = options.tuner.workflow_slot_supplier;
    options.tuner.nexus_task_slot_supplier = options.tuner.workflow_slot_supplier;
    const made = c.temporal_core_worker_new(connection, &options);
    return made.worker orelse Failed.Worker;
}

fn slotInfoIsSticky(info: *const c.TemporalCoreSlotInfo) bool {
    if (info.tag != c.TemporalCoreSlotInfo_WorkflowSlotInfo) return false;
    const body: c.TemporalCoreSlotInfo_TemporalCoreWorkflowSlotInfo_Body = info.unnamed_0.workflow_slot_info;
    return body.is_sticky;
}

pub fn main() Failed!void {
    const runtime = newRuntime();
    var options = std.mem.zeroes(c.TemporalCoreConnectionOptions);
    options.target_url = text("http://override.invalid");
    options.client_name = text("drop-in");
    options.client_version = text("1.0.0");
    options.identity = text("somebody");
    options.grpc_override_callback = onRpc;
    c.temporal_core_client_connect(runtime, &options, null, onConnect);
    connected.wait();
    if (connection == null) return Failed.Connect;

    var info = std.mem.zeroes(c.TemporalCoreSlotInfo);
    std.debug.assert(!slotInfoIsSticky(&info));

    var strategy = std.mem.zeroes(c.TemporalCoreWorkerVersioningStrategy);
    strategy.tag = c.TemporalCoreWorkerVersioningStrategy_DeploymentBased;
    strategy.unnamed_0.unnamed_1.deployment_based.version.deployment_name = text("deployment");
    strategy.unnamed_0.unnamed_1.deployment_based.version.build_id = text("build");
    c.temporal_core_worker_free(try newWorker(strategy));
    strategy.tag = c.TemporalCoreWorkerVersioningStrategy_LegacyBuildIdBased;
    strategy.unnamed_0.unnamed_2.legacy_build_id_based.build_id = text("build");
    c.temporal_core_worker_free(try newWorker(strategy));
    strategy.tag = c.TemporalCoreWorkerVersioningStrategy_None;
    strategy.unnamed_0.unnamed_0.none.build_id = text("build");
    const worker = try newWorker(strategy);

    c.temporal_core_worker_initiate_shutdown(worker);
    c.temporal_core_worker_free(worker);
    c.temporal_core_client_free(connection);
    c.temporal_core_runtime_free(runtime);
    if (!logged.load(.acquire)) return Failed.NotLogged;
}
