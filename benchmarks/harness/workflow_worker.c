#include "workflow_worker.h"

enum {
  WORKFLOW_TASK_SLOTS = 100,
  WORKFLOW_TASK_POLLS = 5,
  STICKY_TIMEOUT_MILLIS = 10000,
};
static const float NONSTICKY_POLL_RATIO = 0.2F;

static void on_done(void *user_data, const TemporalCoreByteArray *fail) {
  die_if("worker", fail);
  latch_open(user_data);
}

static void call_and_wait(TemporalCoreWorker *worker,
                          void (*function)(TemporalCoreWorker *, void *,
                                           TemporalCoreWorkerCallback)) {
  Latch done;
  latch_init(&done);
  function(worker, &done, on_done);
  latch_wait(&done);
}

static TemporalCoreSlotSupplier fixed_size(size_t slots) {
  return (TemporalCoreSlotSupplier){
      .tag = TemporalCoreSlotSupplier_FixedSize,
      .fixed_size = {slots},
  };
}

TemporalCoreWorker *new_workflow_worker(TemporalCoreConnection *connection, const char *task_queue,
                                        size_t cached_workflows) {
  TemporalCorePollerBehaviorSimpleMaximum polls = {WORKFLOW_TASK_POLLS};
  TemporalCorePollerBehavior behavior = {.simple_maximum = &polls};
  TemporalCoreWorkerOptions options = {
      .namespace_ = text("default"),
      .task_queue = text(task_queue),
      .max_cached_workflows = (uint32_t)cached_workflows,
      .tuner =
          {
              .workflow_slot_supplier = fixed_size(WORKFLOW_TASK_SLOTS),
              .activity_slot_supplier = fixed_size(1),
              .local_activity_slot_supplier = fixed_size(1),
              .nexus_task_slot_supplier = fixed_size(1),
          },
      .task_types = {.enable_workflows = true},
      .sticky_queue_schedule_to_start_timeout_millis = STICKY_TIMEOUT_MILLIS,
      .workflow_task_poller_behavior = behavior,
      .nonsticky_to_sticky_poll_ratio = NONSTICKY_POLL_RATIO,
      .activity_task_poller_behavior = behavior,
      .nexus_task_poller_behavior = behavior,
  };
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  die_if("worker", made.fail);
  call_and_wait(made.worker, temporal_core_worker_validate);
  return made.worker;
}

void finalize_worker(TemporalCoreWorker *worker) {
  call_and_wait(worker, temporal_core_worker_finalize_shutdown);
}
