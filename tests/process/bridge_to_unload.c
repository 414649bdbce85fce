/* A shared library that links the archive. `use` makes a runtime with everything that starts threads, a
 * connection and a worker that polls, and frees everything. */

#define _GNU_SOURCE

#include "calls.h"

#include <dirent.h>
#include <time.h>

static int threads(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level;
  volatile size_t size = temporal_core_forwarded_log_fields_json(log).size;
  (void)size;
}

/* Returns whether the process has no more threads than before, after at most ten seconds. With `wait`
 * false, returns at once. */
bool use(bool wait);
bool use(bool wait) {
  const int before = threads();
  TemporalCoreLoggingOptions logging;
  TemporalCoreOpenTelemetryOptions otlp;
  TemporalCoreMetricsOptions metrics;
  const TemporalCoreTelemetryOptions telemetry = {&logging, &metrics};
  TemporalCoreRuntimeOptions options;
  memset(&logging, 0, sizeof logging);
  memset(&otlp, 0, sizeof otlp);
  memset(&metrics, 0, sizeof metrics);
  memset(&options, 0, sizeof options);
  logging.filter = ref("debug");
  logging.forward_to = on_log;
  otlp.url = ref("http://127.0.0.1:9/v1/metrics");
  otlp.metric_temporality = TemporalCoreOpenTelemetryMetricTemporality_Cumulative;
  otlp.protocol = TemporalCoreOpenTelemetryProtocol_Http;
  metrics.opentelemetry = &otlp;
  options.telemetry = &telemetry;
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  expect_none(made.fail, "runtime_new");

  Call connect, polls[3], finalize;
  start(&connect);
  TemporalCoreConnectionOptions to = connection_options("http://127.0.0.1:9");
  to.grpc_override_callback = on_request;
  temporal_core_client_connect(made.runtime, &to, &connect, on_connect);
  TemporalCoreConnection *connection = await(&connect);
  if (connection == NULL) fail_test("no connection");
  TemporalCoreWorkerOptions of_worker = worker_options("unload");
  of_worker.tuner.activity_slot_supplier = resource_based();
  TemporalCoreWorkerOrFail worker = temporal_core_worker_new(connection, &of_worker);
  expect_none(worker.fail, "worker_new");
  for (size_t i = 0; i < 3; i++) start(&polls[i]);
  temporal_core_worker_poll_workflow_activation(worker.worker, &polls[0], on_poll);
  temporal_core_worker_poll_activity_task(worker.worker, &polls[1], on_poll);
  temporal_core_worker_poll_nexus_task(worker.worker, &polls[2], on_poll);
  temporal_core_worker_initiate_shutdown(worker.worker);
  for (size_t i = 0; i < 3; i++) await(&polls[i]);
  start(&finalize);
  temporal_core_worker_finalize_shutdown(worker.worker, &finalize, on_done);
  await(&finalize);
  if (finalize.failed) fail_test("finalize_shutdown");
  temporal_core_worker_free(worker.worker);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(made.runtime);
  const struct timespec pause = {0, 1000000};
  for (int i = 0; wait && threads() > before && i < 10000; i++) nanosleep(&pause, NULL);
  return threads() <= before;
}
