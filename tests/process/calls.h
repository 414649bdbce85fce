/* What the programs of this directory share, in C and C++: byte ranges, waiting for callbacks, a gRPC override as
 * the server, and the options of a worker. */

#ifndef CALLS_H
#define CALLS_H

#include "temporal-sdk-core-c-bridge.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED __attribute__((unused))

static void fail_test(const char *what) {
  fprintf(stderr, "failed: %s\n", what);
  _Exit(2);
}

static UNUSED TemporalCoreByteArrayRef bytes_ref(const void *data, size_t size) {
  TemporalCoreByteArrayRef range = {(const uint8_t *)data, size};
  return range;
}

static UNUSED TemporalCoreByteArrayRef ref(const char *text) {
  return bytes_ref(text, strlen(text));
}

static UNUSED void free_bytes(const TemporalCoreByteArray *bytes) {
  temporal_core_byte_array_free(NULL, bytes);
}

/* Prints a failure and ends the program; NULL is none. */
static UNUSED void expect_none(const TemporalCoreByteArray *fail, const char *what) {
  if (fail == NULL) return;
  fprintf(stderr, "%s: %.*s\n", what, (int)fail->size, (const char *)fail->data);
  fail_test(what);
}

/* A call's end: what its callback got, and that it came. */
typedef struct Call {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int answers;
  void *success;
  bool failed;
} Call;

static UNUSED void start(Call *call) {
  memset(call, 0, sizeof *call);
  pthread_mutex_init(&call->mutex, NULL);
  pthread_cond_init(&call->changed, NULL);
}

static UNUSED void answered(Call *call, void *success, bool failed) {
  pthread_mutex_lock(&call->mutex);
  call->answers++;
  call->success = success;
  call->failed = failed;
  pthread_cond_broadcast(&call->changed);
  pthread_mutex_unlock(&call->mutex);
}

static UNUSED void *await(Call *call) {
  pthread_mutex_lock(&call->mutex);
  while (call->answers == 0) pthread_cond_wait(&call->changed, &call->mutex);
  pthread_mutex_unlock(&call->mutex);
  return call->success;
}

static UNUSED void on_connect(void *user_data, TemporalCoreConnection *success,
                              const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(fail);
  answered((Call *)user_data, success, failed);
}

static UNUSED void on_rpc(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                          const TemporalCoreByteArray *message,
                          const TemporalCoreByteArray *details) {
  (void)status;
  bool failed = success == NULL;
  free_bytes(success);
  free_bytes(message);
  free_bytes(details);
  answered((Call *)user_data, NULL, failed);
}

static UNUSED void on_poll(void *user_data, const TemporalCoreByteArray *success,
                           const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(success);
  free_bytes(fail);
  answered((Call *)user_data, NULL, failed);
}

static UNUSED void on_done(void *user_data, const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(fail);
  answered((Call *)user_data, NULL, failed);
}

/* Answers each RPC at once: polls with `not found`, all others with an empty message. */
static UNUSED void on_request(TemporalCoreClientGrpcOverrideRequest *request, void *user_data) {
  (void)user_data;
  TemporalCoreByteArrayRef rpc = temporal_core_client_grpc_override_request_rpc(request);
  TemporalCoreClientGrpcOverrideResponse response;
  memset(&response, 0, sizeof response);
  if (rpc.size >= 4 && memcmp(rpc.data, "Poll", 4) == 0) {
    response.status_code = 5;
    response.fail_message = ref("nothing to poll for");
  }
  temporal_core_client_grpc_override_request_respond(request, response);
}

static UNUSED TemporalCoreConnectionOptions connection_options(const char *target) {
  TemporalCoreConnectionOptions options;
  memset(&options, 0, sizeof options);
  options.target_url = ref(target);
  options.client_name = ref("process-tests");
  options.client_version = ref("1");
  options.identity = ref("process-tests");
  return options;
}

static UNUSED TemporalCoreSlotSupplier fixed_size(uintptr_t slots) {
  TemporalCoreSlotSupplier supplier;
  memset(&supplier, 0, sizeof supplier);
  supplier.tag = TemporalCoreSlotSupplier_FixedSize;
  supplier.fixed_size.num_slots = slots;
  return supplier;
}

static UNUSED TemporalCoreSlotSupplier resource_based(void) {
  TemporalCoreSlotSupplier supplier;
  memset(&supplier, 0, sizeof supplier);
  supplier.tag = TemporalCoreSlotSupplier_ResourceBased;
  supplier.resource_based.minimum_slots = 1;
  supplier.resource_based.maximum_slots = 10;
  supplier.resource_based.tuner_options.target_memory_usage = 0.9;
  supplier.resource_based.tuner_options.target_cpu_usage = 0.9;
  return supplier;
}

/* Options of a worker for tasks of every type, with suppliers of a fixed size. */
static UNUSED TemporalCoreWorkerOptions worker_options(const char *task_queue) {
  static const TemporalCorePollerBehaviorSimpleMaximum maximum = {2};
  TemporalCoreWorkerOptions options;
  memset(&options, 0, sizeof options);
  options.namespace_ = ref("default");
  options.task_queue = ref(task_queue);
  options.versioning_strategy.none.build_id = ref("build");
  options.max_cached_workflows = 10;
  options.tuner.workflow_slot_supplier = fixed_size(5);
  options.tuner.activity_slot_supplier = fixed_size(5);
  options.tuner.local_activity_slot_supplier = fixed_size(5);
  options.tuner.nexus_task_slot_supplier = fixed_size(5);
  options.task_types.enable_workflows = true;
  options.task_types.enable_local_activities = true;
  options.task_types.enable_remote_activities = true;
  options.task_types.enable_nexus = true;
  options.sticky_queue_schedule_to_start_timeout_millis = 10000;
  options.max_heartbeat_throttle_interval_millis = 60000;
  options.default_heartbeat_throttle_interval_millis = 30000;
  options.workflow_task_poller_behavior.simple_maximum = &maximum;
  options.activity_task_poller_behavior.simple_maximum = &maximum;
  options.nexus_task_poller_behavior.simple_maximum = &maximum;
  options.nonsticky_to_sticky_poll_ratio = 0.2f;
  return options;
}

#endif
