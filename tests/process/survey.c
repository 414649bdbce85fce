/* Lists what the library does in a process, step by step.
 *
 * usage: survey URL SERVER RESULTS
 *
 * SERVER: an executable that is not a server. Writes `env STEP NAME` for each environment variable that is looked up during a step, `thread STEP NAME`
 * for each thread of the process at the end of it, `named STEP NAME` for each thread that gets a name, and `stack CALLBACK BYTES THREAD` for a callback. */

#define _GNU_SOURCE

#include "calls.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *step = "start";
static FILE *results;

/* Replaces the C library's function. */
char *getenv(const char *name) {
  const size_t size = strlen(name);
  if (results != NULL) {
    pthread_mutex_lock(&mutex);
    fprintf(results, "env %s %s\n", step, name);
    pthread_mutex_unlock(&mutex);
  }
  for (char **variable = environ; *variable != NULL; variable++) {
    if (strncmp(*variable, name, size) == 0 && (*variable)[size] == '=') return *variable + size + 1;
  }
  return NULL;
}

/* Also replaces the C library's function, because short-lived threads have names too. */
int pthread_setname_np(pthread_t thread, const char *name) {
  if (!pthread_equal(thread, pthread_self())) fail_test("a thread names another one");
  pthread_mutex_lock(&mutex);
  fprintf(results, "named %s %s\n", step, name);
  pthread_mutex_unlock(&mutex);
  return prctl(PR_SET_NAME, name);
}

static void list_threads(void) {
  pthread_mutex_lock(&mutex);
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char path[300], name[32] = "";
    if (task->d_name[0] == '.' || atoi(task->d_name) == getpid()) continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    FILE *comm = fopen(path, "r");
    if (comm == NULL) continue;
    if (fgets(name, sizeof name, comm) != NULL) fprintf(results, "thread %s %s", step, name);
    fclose(comm);
  }
  closedir(tasks);
  pthread_mutex_unlock(&mutex);
}

static void report_stack(const char *callback) {
  pthread_attr_t attributes;
  void *lowest;
  size_t size;
  char name[32] = "";
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  pthread_getname_np(pthread_self(), name, sizeof name);
  pthread_mutex_lock(&mutex);
  fprintf(results, "stack %s %zu %s\n", callback, size, name);
  pthread_mutex_unlock(&mutex);
}

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level, (void)log;
  report_stack("log");
}

static void on_surveyed_request(TemporalCoreClientGrpcOverrideRequest *request, void *user_data) {
  report_stack("grpc_override");
  on_request(request, user_data);
}

static void on_surveyed_rpc(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                            const TemporalCoreByteArray *text, const TemporalCoreByteArray *details) {
  report_stack("rpc_call");
  on_rpc(user_data, success, status, text, details);
}

static void on_surveyed_blocking_rpc(void *user_data, const TemporalCoreByteArray *success,
                                     uint32_t status, const TemporalCoreByteArray *text,
                                     const TemporalCoreByteArray *details) {
  report_stack("blocking_rpc_call");
  on_rpc(user_data, success, status, text, details);
}

static void on_surveyed_poll(void *user_data, const TemporalCoreByteArray *success,
                             const TemporalCoreByteArray *fail) {
  report_stack("poll");
  on_poll(user_data, success, fail);
}

static void reserve(const TemporalCoreSlotReserveCtx *ctx,
                    const TemporalCoreSlotReserveCompletionCtx *completion, void *user_data) {
  (void)ctx, (void)completion, (void)user_data;
  report_stack("slot_supplier");
}
static void cancel_reserve(const TemporalCoreSlotReserveCompletionCtx *completion, void *user_data) {
  (void)user_data;
  report_stack("slot_supplier");
  temporal_core_complete_async_cancel_reserve(completion);
}
static uintptr_t try_reserve(const TemporalCoreSlotReserveCtx *ctx, void *user_data) {
  (void)ctx, (void)user_data;
  return 0;
}
static void mark_used(const TemporalCoreSlotMarkUsedCtx *ctx, void *user_data) {
  (void)ctx, (void)user_data;
}
static void release_slot(const TemporalCoreSlotReleaseCtx *ctx, void *user_data) {
  (void)ctx, (void)user_data;
}
static void free_supplier(const TemporalCoreCustomSlotSupplierCallbacks *freed) { (void)freed; }
static const TemporalCoreCustomSlotSupplierCallbacks supplier = {
    .reserve = reserve, .cancel_reserve = cancel_reserve, .try_reserve = try_reserve,
    .mark_used = mark_used, .release = release_slot, .free = free_supplier,
};

static void on_start(void *user_data, TemporalCoreEphemeralServer *success,
                     const TemporalCoreByteArray *target, const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(target);
  free_bytes(fail);
  answered(user_data, success, failed);
}

static TemporalCoreRuntime *make_runtime(TemporalCoreMetricsOptions metrics,
                                         TemporalCoreForwardedLogCallback forward_to) {
  TemporalCoreLoggingOptions logging = {ref("debug"), forward_to};
  const TemporalCoreTelemetryOptions telemetry = {&logging, &metrics};
  TemporalCoreRuntimeOptions options;
  memset(&options, 0, sizeof options);
  options.telemetry = &telemetry;
  options.worker_heartbeat_interval_millis = 1000;
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  expect_none(made.fail, step);
  return made.runtime;
}

static TemporalCoreConnection *connect_to(TemporalCoreRuntime *runtime,
                                          const TemporalCoreConnectionOptions *options) {
  Call connect;
  start(&connect);
  temporal_core_client_connect(runtime, options, &connect, on_connect);
  return await(&connect);
}

static TemporalCoreEphemeralServer *start_server(TemporalCoreRuntime *runtime,
                                                 const TemporalCoreTestServerOptions *options) {
  Call starting;
  TemporalCoreDevServerOptions dev_server;
  memset(&dev_server, 0, sizeof dev_server);
  dev_server.test_server = options;
  start(&starting);
  temporal_core_ephemeral_server_start_dev_server(runtime, &dev_server, &starting, on_start);
  return await(&starting);
}

static void work(TemporalCoreConnection *connection) {
  Call polls[3], validated, finalized;
  TemporalCoreWorkerOptions options = worker_options("survey");
  options.tuner.workflow_slot_supplier = resource_based();
  options.tuner.local_activity_slot_supplier = resource_based();
  options.tuner.activity_slot_supplier.tag = TemporalCoreSlotSupplier_Custom;
  options.tuner.activity_slot_supplier.custom._0 = &supplier;
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  expect_none(made.fail, "worker_new");
  start(&validated);
  temporal_core_worker_validate(made.worker, &validated, on_done);
  await(&validated);
  for (size_t i = 0; i < 3; i++) start(&polls[i]);
  temporal_core_worker_poll_workflow_activation(made.worker, &polls[0], on_surveyed_poll);
  temporal_core_worker_poll_activity_task(made.worker, &polls[1], on_surveyed_poll);
  temporal_core_worker_poll_nexus_task(made.worker, &polls[2], on_surveyed_poll);
  usleep(200000);
  list_threads();
  /* Messages in messages, 60 deep. */
  uint8_t nested[120];
  for (size_t i = 0; i < sizeof nested; i += 2) {
    nested[i] = 0x0a;
    nested[i + 1] = (uint8_t)(sizeof nested - i - 2);
  }
  Call completed;
  start(&completed);
  temporal_core_worker_complete_activity_task(made.worker, bytes_ref(nested, sizeof nested),
                                              &completed, on_done);
  await(&completed);
  temporal_core_worker_initiate_shutdown(made.worker);
  for (size_t i = 0; i < 3; i++) await(&polls[i]);
  start(&finalized);
  temporal_core_worker_finalize_shutdown(made.worker, &finalized, on_done);
  await(&finalized);
  temporal_core_worker_free(made.worker);
}

int main(int argc, char **argv) {
  if (argc != 4) fail_test("usage");
  results = fopen(argv[3], "w");
  if (results == NULL) fail_test("the results");

  step = "env_config";
  const TemporalCoreClientEnvConfigProfileLoadOptions of_profile = {.config_file_strict = true};
  TemporalCoreClientEnvConfigProfileOrFail profile =
      temporal_core_client_env_config_profile_load(&of_profile);
  expect_none(profile.fail, step);
  free_bytes(profile.success);

  TemporalCorePrometheusOptions prometheus;
  TemporalCoreOpenTelemetryOptions otlp;
  TemporalCoreMetricsOptions none, with_prometheus, with_otlp;
  memset(&prometheus, 0, sizeof prometheus);
  memset(&otlp, 0, sizeof otlp);
  memset(&none, 0, sizeof none);
  prometheus.bind_address = ref("127.0.0.1:0");
  otlp.metric_temporality = TemporalCoreOpenTelemetryMetricTemporality_Cumulative;
  with_prometheus = with_otlp = none;
  with_prometheus.prometheus = &prometheus;
  with_otlp.opentelemetry = &otlp;

  step = "otlp_http";
  otlp.url = ref("http://127.0.0.1:9/v1/metrics");
  otlp.protocol = TemporalCoreOpenTelemetryProtocol_Http;
  TemporalCoreRuntime *http = make_runtime(with_otlp, NULL);
  usleep(200000); /* a thread sets its name when it starts to run */
  list_threads();
  TemporalCoreConnectionOptions to_override = connection_options("http://127.0.0.1:9");
  to_override.grpc_override_callback = on_request;
  TemporalCoreConnection *logging = connect_to(http, &to_override);
  if (logging == NULL) fail_test("no connection through the override");
  temporal_core_client_update_api_key(logging, ref("\xff")); /* logs that it is not UTF-8 */
  temporal_core_client_free(logging);
  temporal_core_runtime_free(http);

  step = "otlp_grpc";
  otlp.url = ref("https://127.0.0.1:9");
  otlp.protocol = TemporalCoreOpenTelemetryProtocol_Grpc;
  temporal_core_runtime_free(make_runtime(with_otlp, NULL));

  step = "runtime";
  TemporalCoreRuntime *runtime = make_runtime(with_prometheus, on_log);

  step = "connect";
  TemporalCoreConnectionOptions to = connection_options("https://127.0.0.1:9");
  const TemporalCoreClientTlsOptions tls = {0};
  to.tls_options = &tls;
  if (connect_to(runtime, &to) != NULL) fail_test("connected to nothing");
  TemporalCoreConnectionOptions to_server = connection_options(argv[1]);
  TemporalCoreConnection *to_free = connect_to(runtime, &to_server);
  if (to_free == NULL) fail_test("no connection to the server");
  to_override.grpc_override_callback = on_surveyed_request;
  TemporalCoreConnection *connection = connect_to(runtime, &to_override);
  if (connection == NULL) fail_test("no connection through the override");

  step = "rpc_call";
  Call call;
  TemporalCoreRpcCallOptions of_call;
  memset(&of_call, 0, sizeof of_call);
  of_call.service = TemporalCoreRpcService_Workflow;
  of_call.rpc = ref("GetSystemInfo");
  start(&call);
  temporal_core_client_rpc_call(connection, &of_call, &call, on_surveyed_rpc);
  await(&call);

  step = "callbacks_may_block";
  const TemporalCoreRuntimeOptions defaults = {0};
  TemporalStaticLibsRuntimeOptions extra;
  memset(&extra, 0, sizeof extra);
  extra.size = sizeof extra;
  extra.callbacks_may_block = true;
  TemporalCoreRuntimeOrFail blocking = temporal_static_libs_runtime_new(&defaults, &extra);
  expect_none(blocking.fail, step);
  TemporalCoreConnection *of_blocking = connect_to(blocking.runtime, &to_override);
  start(&call);
  temporal_core_client_rpc_call(of_blocking, &of_call, &call, on_surveyed_blocking_rpc);
  await(&call);
  list_threads();
  temporal_core_client_free(of_blocking);
  temporal_core_runtime_free(blocking.runtime);

  step = "worker";
  work(connection);

  step = "failure";
  TemporalCoreConnectionOptions nameless = connection_options("http://127.0.0.1:9");
  nameless.grpc_override_callback = on_request;
  nameless.identity = bytes_ref(NULL, 0);
  TemporalCoreConnection *of_nobody = connect_to(runtime, &nameless);
  const TemporalCoreWorkerOptions of_worker = worker_options("failure");
  TemporalCoreWorkerOrFail failed = temporal_core_worker_new(of_nobody, &of_worker);
  if (failed.fail == NULL) fail_test("a worker without an identity");
  free_bytes(failed.fail);
  temporal_core_client_free(of_nobody);
  TemporalCoreWorkerReplayerOrFail replayer =
      temporal_core_worker_replayer_new(runtime, &of_worker);
  expect_none(replayer.fail, "replayer_new");
  TemporalCoreWorkerReplayPushResult pushed = temporal_core_worker_replay_push(
      replayer.worker, replayer.worker_replay_pusher, ref("workflow"), ref(""));
  if (pushed.fail == NULL) fail_test("an empty history");
  free_bytes(pushed.fail);
  temporal_core_worker_replay_pusher_free(replayer.worker_replay_pusher);
  temporal_core_worker_free(replayer.worker);

  step = "server";
  TemporalCoreTestServerOptions of_server;
  memset(&of_server, 0, sizeof of_server);
  of_server.existing_path = ref(argv[2]);
  if (start_server(runtime, &of_server) != NULL) fail_test("/bin/false serves");

  step = "download";
  memset(&of_server, 0, sizeof of_server);
  of_server.download_version = ref("default");
  of_server.sdk_name = ref("sdk-survey");
  of_server.sdk_version = ref("0.0.0");
  if (start_server(runtime, &of_server) != NULL) fail_test("a download without a network");

  step = "end";
  temporal_core_client_free(to_free);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  fclose(results);
  return 0;
}
