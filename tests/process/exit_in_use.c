/* Ends the process while calls are in flight and a worker polls.
 *
 * usage: exit_in_use URL main|callback|return [free]
 *
 * `main`: exit(0) on the main thread; `callback`: exit(0) in a callback, on a library's thread; `return`:
 * main returns. With `free`, an atexit handler frees all handles, as the destructor of a static object
 * would; callbacks then start no new calls, for which the handles would have to live. */

#define _GNU_SOURCE

#include "calls.h"

#include <stdatomic.h>
#include <unistd.h>

enum { LONG_POLLS = 10, LOOPS = 8, ANSWERS_UNTIL_EXIT = 40 };

static TemporalCoreRuntime *runtime;
static TemporalCoreConnection *connection;
static TemporalCoreWorker *worker;
static TemporalCoreRpcCallOptions loop_options, long_poll_options;
static Call long_polls[LONG_POLLS], polls[3];
static atomic_int answers;
static bool exit_in_callback, free_at_exit;
static Call enough;

static void on_loop(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                    const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  (void)status;
  if (success == NULL && message != NULL && message->size > 0 && status == 0) {
    fprintf(stderr, "%.*s\n", (int)message->size, (const char *)message->data);
  }
  free_bytes(success);
  free_bytes(message);
  free_bytes(details);
  if (atomic_fetch_add(&answers, 1) + 1 == ANSWERS_UNTIL_EXIT) {
    if (exit_in_callback) exit(0);
    answered(&enough, NULL, false);
  }
  if (!free_at_exit) {
    temporal_core_client_rpc_call(connection, &loop_options, user_data, on_loop);
  }
}

static void free_all(void) {
  temporal_core_worker_free(worker);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
}

int main(int argc, char **argv) {
  if (argc < 3) fail_test("usage");
  alarm(30);
  exit_in_callback = strcmp(argv[2], "callback") == 0;
  TemporalCoreLoggingOptions logging;
  TemporalCorePrometheusOptions prometheus;
  TemporalCoreMetricsOptions metrics;
  const TemporalCoreTelemetryOptions telemetry = {&logging, &metrics};
  TemporalCoreRuntimeOptions options;
  memset(&logging, 0, sizeof logging);
  memset(&prometheus, 0, sizeof prometheus);
  memset(&metrics, 0, sizeof metrics);
  memset(&options, 0, sizeof options);
  logging.filter = ref("temporalio_client=debug,info");
  prometheus.bind_address = ref("127.0.0.1:0");
  metrics.prometheus = &prometheus;
  options.telemetry = &telemetry;
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  expect_none(made.fail, "runtime_new");
  runtime = made.runtime;

  Call connect;
  start(&connect);
  const TemporalCoreConnectionOptions to = connection_options(argv[1]);
  temporal_core_client_connect(runtime, &to, &connect, on_connect);
  connection = await(&connect);
  if (connection == NULL) fail_test("no connection");

  TemporalCoreWorkerOptions of_worker = worker_options("exit");
  of_worker.tuner.activity_slot_supplier = resource_based();
  TemporalCoreWorkerOrFail made_worker = temporal_core_worker_new(connection, &of_worker);
  expect_none(made_worker.fail, "worker_new");
  worker = made_worker.worker;
  for (size_t i = 0; i < 3; i++) start(&polls[i]);
  temporal_core_worker_poll_workflow_activation(worker, &polls[0], on_poll);
  temporal_core_worker_poll_activity_task(worker, &polls[1], on_poll);
  temporal_core_worker_poll_nexus_task(worker, &polls[2], on_poll);

  /* PollActivityTaskQueueRequest: namespace and task queue; nobody answers it for a minute. */
  static const char long_poll[] = "\x0a\x07" "default" "\x12\x06\x0a\x04" "none";
  long_poll_options.service = TemporalCoreRpcService_Workflow;
  long_poll_options.rpc = ref("PollActivityTaskQueue");
  long_poll_options.req = bytes_ref(long_poll, sizeof long_poll - 1);
  for (size_t i = 0; i < LONG_POLLS; i++) {
    start(&long_polls[i]);
    temporal_core_client_rpc_call(connection, &long_poll_options, &long_polls[i], on_rpc);
  }
  start(&enough);
  free_at_exit = argc > 3;
  if (free_at_exit) atexit(free_all);
  loop_options.service = TemporalCoreRpcService_Workflow;
  loop_options.rpc = ref("GetSystemInfo");
  for (size_t i = 0; i < (free_at_exit ? ANSWERS_UNTIL_EXIT : LOOPS); i++) {
    temporal_core_client_rpc_call(connection, &loop_options, NULL, on_loop);
  }
  await(&enough); /* never, when the callback exits */
  if (strcmp(argv[2], "main") == 0) exit(0);
  return 0;
}
