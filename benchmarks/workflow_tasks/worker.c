/* Completes no-op workflows through the C ABI, as fast as the server gives them.
 *
 * The task queue is full when it starts. Measured is the span from one workflow's start to
 * another's, with the worker busy before the one and after the other. It ends when it has completed
 * all of them, so that it leaves the server nothing to do. */

#include "activation.h"
#include "bench.h"

#include <stdatomic.h>

/* The official Python SDK's defaults. */
enum {
  CACHED_WORKFLOWS = 1000,
  WORKFLOW_TASK_SLOTS = 100,
  WORKFLOW_TASK_POLLS = 5,
  STICKY_TIMEOUT_MILLIS = 10000,
};
static const float NONSTICKY_POLL_RATIO = 0.2F;

typedef struct Drain {
  TemporalCoreWorker *worker;
  long first, last; /* which workflow's start opens the span, and which closes it */
  long all;
  /* Only the callback of a poll uses these three, and there is one poll at a time. */
  long started;
  Moment from, to;
  atomic_long forgotten;
  atomic_long completing; /* whose callbacks have not come */
  Latch idle;
  Latch shut_down;
} Drain;

/* The completion of a start may come after that of the workflow's eviction. */
static void completed(Drain *drain) {
  bool last = atomic_fetch_sub(&drain->completing, 1) == 1;
  if (last && atomic_load(&drain->forgotten) == drain->all) latch_open(&drain->idle);
}

static void on_completed(void *user_data, const TemporalCoreByteArray *fail) {
  die_if("complete", fail);
  completed(user_data);
}

/* Core has a workflow forgotten once the server knows of its completion. */
static void on_forgotten(void *user_data, const TemporalCoreByteArray *fail) {
  Drain *drain = user_data;
  die_if("complete an eviction", fail);
  atomic_fetch_add(&drain->forgotten, 1);
  completed(drain);
}

static void on_polled(void *user_data, const TemporalCoreByteArray *success,
                      const TemporalCoreByteArray *fail) {
  Drain *drain = user_data;
  die_if("poll", fail);
  if (success == NULL) {
    latch_open(&drain->shut_down);
    return;
  }
  Activation activation = read_activation(success->data, success->size);
  Completion completion = completion_of(&activation);
  temporal_core_byte_array_free(NULL, success);
  bool starts = activation.kind == ACTIVATION_START;
  if (starts) {
    drain->started++;
    if (drain->started == drain->first) drain->from = now();
    if (drain->started == drain->last) drain->to = now();
  }
  TemporalCoreWorker *worker = drain->worker;
  temporal_core_worker_poll_workflow_activation(worker, drain, on_polled);
  atomic_fetch_add(&drain->completing, 1);
  temporal_core_worker_complete_workflow_activation(
      worker, (TemporalCoreByteArrayRef){completion.bytes, completion.size}, drain,
      starts ? on_completed : on_forgotten);
}

static void on_validated(void *user_data, const TemporalCoreByteArray *fail) {
  die_if("validate", fail);
  latch_open(user_data);
}

static void on_finalized(void *user_data, const TemporalCoreByteArray *fail) {
  die_if("finalize", fail);
  latch_open(user_data);
}

static TemporalCoreSlotSupplier fixed_size(size_t slots) {
  return (TemporalCoreSlotSupplier){
      .tag = TemporalCoreSlotSupplier_FixedSize,
      .fixed_size = {slots},
  };
}

static TemporalCoreWorker *new_worker(TemporalCoreConnection *connection, const char *task_queue) {
  TemporalCorePollerBehaviorSimpleMaximum polls = {WORKFLOW_TASK_POLLS};
  TemporalCorePollerBehavior behavior = {.simple_maximum = &polls};
  TemporalCoreWorkerOptions options = {
      .namespace_ = text("default"),
      .task_queue = text(task_queue),
      .max_cached_workflows = CACHED_WORKFLOWS,
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
  return made.worker;
}

static void call_and_wait(TemporalCoreWorker *worker,
                          void (*function)(TemporalCoreWorker *, void *,
                                           TemporalCoreWorkerCallback),
                          TemporalCoreWorkerCallback callback) {
  Latch done;
  latch_init(&done);
  function(worker, &done, callback);
  latch_wait(&done);
}

int main(int argc, char **argv) {
  if (argc != 6) die("usage", "worker URL TASK_QUEUE WARM_UP_TASKS TASKS COOL_DOWN_TASKS");
  long warm_up = positive("WARM_UP_TASKS", argv[3]);
  long tasks = positive("TASKS", argv[4]);
  long cool_down = positive("COOL_DOWN_TASKS", argv[5]);

  Session session = connect_session(argv[1], true);
  Drain drain = {
      .worker = new_worker(session.connection, argv[2]),
      .first = warm_up,
      .last = warm_up + tasks,
      .all = warm_up + tasks + cool_down,
  };
  atomic_init(&drain.forgotten, 0);
  atomic_init(&drain.completing, 0);
  latch_init(&drain.idle);
  latch_init(&drain.shut_down);
  call_and_wait(drain.worker, temporal_core_worker_validate, on_validated);
  temporal_core_worker_poll_workflow_activation(drain.worker, &drain, on_polled);
  latch_wait(&drain.idle);
  temporal_core_worker_initiate_shutdown(drain.worker);
  latch_wait(&drain.shut_down);
  call_and_wait(drain.worker, temporal_core_worker_finalize_shutdown, on_finalized);
  temporal_core_worker_free(drain.worker);
  print_span(tasks, drain.from, drain.to);
  close_session(session);
  return 0;
}
