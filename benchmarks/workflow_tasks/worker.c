/* Completes no-op workflows through the C ABI, as fast as the server sends them.
 *
 * The task queue is full at the start. The span that is measured lasts from one workflow's start to
 * another's; the worker is busy before and after it. The program ends when all workflows are
 * completed, so that the server has nothing left to do. */

#include "activation.h"
#include "workflow_worker.h"

#include <stdatomic.h>

/* The official Python SDK's default. */
enum { CACHED_WORKFLOWS = 1000 };

typedef struct Drain {
  TemporalCoreWorker *worker;
  long first, last; /* the workflows whose starts open and close the span */
  long all;
  /* Only the callback of a poll uses these three, and there is one poll at a time. */
  long started;
  Moment from, to;
  atomic_long forgotten;
  atomic_long completing; /* completions without a callback so far */
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

/* Core evicts a workflow once the server has accepted its completion. */
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

int main(int argc, char **argv) {
  if (argc != 6) die("usage", "worker URL TASK_QUEUE WARM_UP_TASKS TASKS COOL_DOWN_TASKS");
  long warm_up = positive("WARM_UP_TASKS", argv[3]);
  long tasks = positive("TASKS", argv[4]);
  long cool_down = positive("COOL_DOWN_TASKS", argv[5]);

  Session session = connect_session(argv[1], true);
  Drain drain = {
      .worker = new_workflow_worker(session.connection, argv[2], CACHED_WORKFLOWS),
      .first = warm_up,
      .last = warm_up + tasks,
      .all = warm_up + tasks + cool_down,
  };
  atomic_init(&drain.forgotten, 0);
  atomic_init(&drain.completing, 0);
  latch_init(&drain.idle);
  latch_init(&drain.shut_down);
  temporal_core_worker_poll_workflow_activation(drain.worker, &drain, on_polled);
  latch_wait(&drain.idle);
  temporal_core_worker_initiate_shutdown(drain.worker);
  latch_wait(&drain.shut_down);
  finalize_worker(drain.worker);
  temporal_core_worker_free(drain.worker);
  print_span(tasks, drain.from, drain.to);
  close_session(session);
  return 0;
}
