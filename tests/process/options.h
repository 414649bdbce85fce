/* Byte ranges, and the options of a connection and a worker, for the C and C++ programs in this directory. */

#ifndef OPTIONS_H
#define OPTIONS_H

#include "temporal-sdk-core-c-bridge.h"

#include <string.h>

#define UNUSED __attribute__((unused))

static UNUSED TemporalCoreByteArrayRef bytes_ref(const void *data, size_t size) {
  TemporalCoreByteArrayRef range = {(const uint8_t *)data, size};
  return range;
}

static UNUSED TemporalCoreByteArrayRef ref(const char *text) {
  return bytes_ref(text, strlen(text));
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

/* Options of a worker for all types of tasks, with fixed-size slot suppliers. */
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
