/* Prints how much memory the process uses with a runtime, a connection, a worker, and workflows in
 * the worker's cache: workflows whose first task was completed without commands. */

#include "activation.h"
#include "workflow_worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Until threads that a step has started are idle. python_memory.py waits as long. */
static const struct timespec SETTLING = {.tv_sec = 0, .tv_nsec = 500000000};

/* Proportional set size, in MB: pages that several processes use are divided among them. */
static double memory(void) {
  char line[256];
  long kilobytes = -1;
  nanosleep(&SETTLING, NULL);
  FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
  if (rollup == NULL) die("smaps_rollup", strerror(errno));
  while (kilobytes < 0 && fgets(line, sizeof line, rollup) != NULL)
    if (sscanf(line, "Pss: %ld kB", &kilobytes) != 1) kilobytes = -1;
  fclose(rollup);
  if (kilobytes < 0) die("smaps_rollup", "no Pss");
  return (double)kilobytes * 1024 / 1e6;
}

typedef struct Fill {
  TemporalCoreWorker *worker;
  atomic_long to_complete;
  Latch full;
} Fill;

static void on_completed(void *user_data, const TemporalCoreByteArray *fail) {
  Fill *fill = user_data;
  die_if("complete", fail);
  if (atomic_fetch_sub(&fill->to_complete, 1) == 1) latch_open(&fill->full);
}

static void on_polled(void *user_data, const TemporalCoreByteArray *success,
                      const TemporalCoreByteArray *fail) {
  Fill *fill = user_data;
  die_if("poll", fail);
  if (success == NULL) die("poll", "the worker has shut down");
  Activation activation = read_activation(success->data, success->size);
  if (activation.kind == ACTIVATION_EVICTION) die("poll", "a workflow was evicted");
  Completion completion = without_commands(&activation);
  temporal_core_byte_array_free(NULL, success);
  temporal_core_worker_poll_workflow_activation(fill->worker, fill, on_polled);
  temporal_core_worker_complete_workflow_activation(
      fill->worker, (TemporalCoreByteArrayRef){completion.bytes, completion.size}, fill,
      on_completed);
}

int main(int argc, char **argv) {
  if (argc != 4) die("usage", "memory URL TASK_QUEUE WORKFLOWS");
  long workflows = positive("WORKFLOWS", argv[3]);

  double start = memory();
  TemporalCoreRuntime *runtime = new_runtime(temporal_core_runtime_new);
  double with_runtime = memory();
  Session session = {runtime, connect_to(runtime, argv[1], true)};
  call_once(session.connection);
  double with_connection = memory();
  /* Room for more, so that none has to leave. */
  Fill fill = {.worker = new_workflow_worker(session.connection, argv[2], (size_t)workflows * 2)};
  double with_worker = memory();
  atomic_init(&fill.to_complete, workflows);
  latch_init(&fill.full);
  temporal_core_worker_poll_workflow_activation(fill.worker, &fill, on_polled);
  latch_wait(&fill.full);
  double with_workflows = memory();
  printf("{\"start\": %f, \"runtime\": %f, \"connection\": %f, \"worker\": %f, \"workflows\": %f}\n",
         start, with_runtime, with_connection, with_worker, with_workflows);
  fflush(stdout);
  /* Without a shutdown, which would evict each workflow. */
  _exit(0);
}
