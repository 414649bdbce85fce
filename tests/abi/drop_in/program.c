/* A worker written only against Temporal's own header, in C11 and C++11.
 *
 * It answers its own RPCs, gets one activity task through its own slot supplier, and shuts
 * down. Every name and every path to a member is upstream's. Exit status 0: everything worked. */

#include "temporal-sdk-core-c-bridge.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* What callbacks recorded; protected by the lock. */
static struct {
  int answers;
  TemporalCoreConnection *connection;
  bool task_given;
  bool used;
  bool released;
  bool freed;
  bool task_polled;
  bool shutdown_logged;
  char failure[512];
} seen;

static TemporalCoreByteArrayRef text(const char *value) {
  TemporalCoreByteArrayRef ref;
  ref.data = (const uint8_t *)value;
  ref.size = strlen(value);
  return ref;
}

static bool equal(TemporalCoreByteArrayRef ref, const char *value) {
  return ref.size == strlen(value) && memcmp(ref.data, value, ref.size) == 0;
}

static void note_failure(const TemporalCoreByteArray *fail) {
  if (fail == NULL) return;
  snprintf(seen.failure, sizeof seen.failure, "%.*s", (int)fail->size, (const char *)fail->data);
  temporal_core_byte_array_free(NULL, fail);
}

static void answered(void) {
  seen.answers++;
  pthread_cond_broadcast(&changed);
}

static int await_answers(int number) {
  pthread_mutex_lock(&lock);
  while (seen.answers < number) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  if (seen.failure[0] == '\0') return 0;
  fprintf(stderr, "drop-in: %s\n", seen.failure);
  return 1;
}

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  if (level != TemporalCoreForwardedLogLevel_Info) return;
  if (!equal(temporal_core_forwarded_log_message(log), "Initiated shutdown")) return;
  pthread_mutex_lock(&lock);
  seen.shutdown_logged = true;
  pthread_mutex_unlock(&lock);
}

static void on_connect(void *user_data, TemporalCoreConnection *success,
                       const TemporalCoreByteArray *fail) {
  (void)user_data;
  pthread_mutex_lock(&lock);
  seen.connection = success;
  note_failure(fail);
  answered();
  pthread_mutex_unlock(&lock);
}

static void on_poll(void *user_data, const TemporalCoreByteArray *success,
                    const TemporalCoreByteArray *fail) {
  (void)user_data;
  pthread_mutex_lock(&lock);
  seen.task_polled = success != NULL;
  temporal_core_byte_array_free(NULL, success);
  note_failure(fail);
  answered();
  pthread_mutex_unlock(&lock);
}

static void on_done(void *user_data, const TemporalCoreByteArray *fail) {
  (void)user_data;
  pthread_mutex_lock(&lock);
  note_failure(fail);
  answered();
  pthread_mutex_unlock(&lock);
}

/* PollActivityTaskQueueResponse: task_token "t", activity_type { name "Greet" }. */
static const uint8_t TASK[] = {0x0a, 1, 't', 0x2a, 7, 0x0a, 5, 'G', 'r', 'e', 'e', 't'};

/* ActivityTaskCompletion: task_token "t", result { completed { result {} } }. */
static const uint8_t COMPLETION[] = {0x0a, 1, 't', 0x12, 4, 0x0a, 2, 0x0a, 0};

static void on_rpc(TemporalCoreClientGrpcOverrideRequest *request, void *user_data) {
  TemporalCoreClientGrpcOverrideResponse response;
  (void)user_data;
  memset(&response, 0, sizeof response);
  if (equal(temporal_core_client_grpc_override_request_rpc(request), "PollActivityTaskQueue")) {
    pthread_mutex_lock(&lock);
    if (!seen.task_given) {
      response.success_proto.data = TASK;
      response.success_proto.size = sizeof TASK;
    }
    seen.task_given = true;
    pthread_mutex_unlock(&lock);
  }
  temporal_core_client_grpc_override_request_respond(request, response);
}

static void reserve(const TemporalCoreSlotReserveCtx *ctx,
                    const TemporalCoreSlotReserveCompletionCtx *completion_ctx, void *user_data) {
  (void)user_data;
  if (ctx->slot_type == TemporalCoreSlotKindType_ActivitySlotKindType) {
    temporal_core_complete_async_reserve(completion_ctx, 7);
  }
}

static void cancel_reserve(const TemporalCoreSlotReserveCompletionCtx *completion_ctx,
                           void *user_data) {
  (void)user_data;
  temporal_core_complete_async_cancel_reserve(completion_ctx);
}

static uintptr_t try_reserve(const TemporalCoreSlotReserveCtx *ctx, void *user_data) {
  (void)ctx;
  (void)user_data;
  return 0;
}

static bool is_greeting(const TemporalCoreSlotInfo *info) {
  const TemporalCoreSlotInfo_TemporalCoreWorkflowSlotInfo_Body *workflow = NULL;
  const TemporalCoreSlotInfo_TemporalCoreActivitySlotInfo_Body *activity = NULL;
  const TemporalCoreSlotInfo_TemporalCoreLocalActivitySlotInfo_Body *local = NULL;
  const TemporalCoreSlotInfo_TemporalCoreNexusSlotInfo_Body *nexus = NULL;
  switch (info->tag) {
    case TemporalCoreSlotInfo_WorkflowSlotInfo:
      workflow = &info->workflow_slot_info;
      return workflow->is_sticky && false;
    case TemporalCoreSlotInfo_ActivitySlotInfo:
      activity = &info->activity_slot_info;
      return equal(activity->activity_type, "Greet");
    case TemporalCoreSlotInfo_LocalActivitySlotInfo:
      local = &info->local_activity_slot_info;
      return equal(local->activity_type, "");
    case TemporalCoreSlotInfo_NexusSlotInfo:
      nexus = &info->nexus_slot_info;
      return equal(nexus->operation, "") && equal(nexus->service, "");
  }
  return false;
}

static void mark_used(const TemporalCoreSlotMarkUsedCtx *ctx, void *user_data) {
  (void)user_data;
  pthread_mutex_lock(&lock);
  seen.used = ctx->slot_permit == 7 && is_greeting(&ctx->slot_info);
  pthread_mutex_unlock(&lock);
}

static void release(const TemporalCoreSlotReleaseCtx *ctx, void *user_data) {
  (void)user_data;
  if (ctx->slot_info == NULL) return;
  pthread_mutex_lock(&lock);
  seen.released = ctx->slot_permit == 7 && is_greeting(ctx->slot_info);
  pthread_mutex_unlock(&lock);
}

static void free_supplier(const TemporalCoreCustomSlotSupplierCallbacks *userimpl) {
  (void)userimpl;
  pthread_mutex_lock(&lock);
  seen.freed = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

static TemporalCoreRuntime *new_runtime(void) {
  TemporalCoreLoggingOptions logging;
  TemporalCoreTelemetryOptions telemetry;
  TemporalCoreRuntimeOptions options;
  TemporalCoreRuntimeOrFail made;
  memset(&logging, 0, sizeof logging);
  memset(&telemetry, 0, sizeof telemetry);
  memset(&options, 0, sizeof options);
  logging.filter = text("temporalio_sdk_core=info");
  logging.forward_to = on_log;
  telemetry.logging = &logging;
  options.telemetry = &telemetry;
  made = temporal_core_runtime_new(&options);
  note_failure(made.fail);
  return made.runtime;
}

static void open_connection(TemporalCoreRuntime *runtime) {
  TemporalCoreConnectionOptions options;
  memset(&options, 0, sizeof options);
  options.target_url = text("http://override.invalid");
  options.client_name = text("drop-in");
  options.client_version = text("1.0.0");
  options.identity = text("somebody");
  options.grpc_override_callback = on_rpc;
  temporal_core_client_connect(runtime, &options, NULL, on_connect);
  /* The options live until the callback. */
  await_answers(1);
}

static TemporalCoreWorker *new_worker(const TemporalCoreCustomSlotSupplierCallbacks *callbacks) {
  TemporalCoreWorkerOptions options;
  TemporalCoreWorkerOrFail made;
  memset(&options, 0, sizeof options);
  options.namespace_ = text("default");
  options.task_queue = text("queue");
  options.versioning_strategy.tag = TemporalCoreWorkerVersioningStrategy_DeploymentBased;
  options.versioning_strategy.deployment_based.version.deployment_name = text("deployment");
  options.versioning_strategy.deployment_based.version.build_id = text("build");
  options.versioning_strategy.tag = TemporalCoreWorkerVersioningStrategy_LegacyBuildIdBased;
  options.versioning_strategy.legacy_build_id_based.build_id = text("build");
  options.versioning_strategy.tag = TemporalCoreWorkerVersioningStrategy_None;
  options.versioning_strategy.none.build_id = text("build");
  options.task_types.enable_remote_activities = true;
  options.tuner.workflow_slot_supplier.tag = TemporalCoreSlotSupplier_FixedSize;
  options.tuner.workflow_slot_supplier.fixed_size.num_slots = 5;
  options.tuner.local_activity_slot_supplier.tag = TemporalCoreSlotSupplier_ResourceBased;
  options.tuner.local_activity_slot_supplier.resource_based.maximum_slots = 5;
  options.tuner.local_activity_slot_supplier.resource_based.tuner_options.target_memory_usage = 0.8;
  options.tuner.local_activity_slot_supplier.resource_based.tuner_options.target_cpu_usage = 0.8;
  options.tuner.nexus_task_slot_supplier = options.tuner.workflow_slot_supplier;
  options.tuner.activity_slot_supplier.tag = TemporalCoreSlotSupplier_Custom;
  options.tuner.activity_slot_supplier.custom._0 = callbacks;
  made = temporal_core_worker_new(seen.connection, &options);
  note_failure(made.fail);
  return made.worker;
}

int main(void) {
  TemporalCoreCustomSlotSupplierCallbacks callbacks;
  TemporalCoreByteArrayRef completion = {COMPLETION, sizeof COMPLETION};
  TemporalCoreRuntime *runtime = new_runtime();
  TemporalCoreWorker *worker;
  bool well;
  open_connection(runtime);
  if (await_answers(1) != 0) return 1;

  memset(&callbacks, 0, sizeof callbacks);
  callbacks.reserve = reserve;
  callbacks.cancel_reserve = cancel_reserve;
  callbacks.try_reserve = try_reserve;
  callbacks.mark_used = mark_used;
  callbacks.release = release;
  callbacks.free = free_supplier;
  worker = new_worker(&callbacks);
  if (await_answers(1) != 0) return 1;

  temporal_core_worker_poll_activity_task(worker, NULL, on_poll);
  if (await_answers(2) != 0) return 1;
  well = seen.task_polled;
  temporal_core_worker_complete_activity_task(worker, completion, NULL, on_done);
  if (await_answers(3) != 0) return 1;
  temporal_core_worker_initiate_shutdown(worker);
  temporal_core_worker_poll_activity_task(worker, NULL, on_poll);
  if (await_answers(4) != 0) return 1;
  well = well && !seen.task_polled;
  temporal_core_worker_finalize_shutdown(worker, NULL, on_done);
  if (await_answers(5) != 0) return 1;

  temporal_core_worker_free(worker);
  pthread_mutex_lock(&lock);
  while (!seen.freed) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  temporal_core_client_free(seen.connection);
  temporal_core_runtime_free(runtime);
  printf("polled %d used %d released %d logged %d\n", well, seen.used, seen.released,
         seen.shutdown_logged);
  return well && seen.used && seen.released && seen.shutdown_logged ? 0 : 1;
}
