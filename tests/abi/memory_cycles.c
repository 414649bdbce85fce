/* Create/use/destroy cycles over every handle that needs no server, under valgrind.
 *
 * After some cycles that fill caches, thread-locals and lazily created statics,
 * nothing may be lost, and memory in use must not grow with every round of cycles. The argument
 * `free-only` frees replayers without finalizing them first. */

#define _POSIX_C_SOURCE 200809L

#include "temporal-sdk-core-c-bridge.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/memcheck.h>

enum { WARM_UP = 2, CYCLES = 3, ROUNDS = 3, KEPT_STACKS = 30 };

typedef struct Call {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int answers;
  TemporalCoreConnection *connection;
} Call;

static bool finalize_replayers = true;

static void fail_test(const char *what) {
  fprintf(stderr, "memory_cycles: %s\n", what);
  exit(2);
}

static TemporalCoreByteArrayRef ref(const char *text) {
  TemporalCoreByteArrayRef range = {(const uint8_t *)text, strlen(text)};
  return range;
}

static void free_bytes(const TemporalCoreByteArray *bytes) {
  volatile uint8_t sum = 0;
  /* Read, so that valgrind checks that all of it is initialized. */
  for (size_t i = 0; bytes != NULL && i < bytes->size; i++) sum = (uint8_t)(sum + bytes->data[i]);
  temporal_core_byte_array_free(NULL, bytes);
}

static void start(Call *call) {
  memset(call, 0, sizeof *call);
  pthread_mutex_init(&call->mutex, NULL);
  pthread_cond_init(&call->changed, NULL);
}

static void answered(Call *call) {
  pthread_mutex_lock(&call->mutex);
  call->answers++;
  pthread_cond_signal(&call->changed);
  pthread_mutex_unlock(&call->mutex);
}

static void await(Call *call) {
  pthread_mutex_lock(&call->mutex);
  while (call->answers == 0) pthread_cond_wait(&call->changed, &call->mutex);
  if (call->answers != 1) fail_test("a call answered twice");
  pthread_mutex_unlock(&call->mutex);
  pthread_mutex_destroy(&call->mutex);
  pthread_cond_destroy(&call->changed);
}

static void on_connect(void *user_data, TemporalCoreConnection *success,
                       const TemporalCoreByteArray *fail) {
  ((Call *)user_data)->connection = success;
  free_bytes(fail);
  answered(user_data);
}

static void on_rpc(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                   const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  (void)status;
  free_bytes(success);
  free_bytes(message);
  free_bytes(details);
  answered(user_data);
}

static void on_poll(void *user_data, const TemporalCoreByteArray *success,
                    const TemporalCoreByteArray *fail) {
  free_bytes(success);
  free_bytes(fail);
  answered(user_data);
}

static void on_done(void *user_data, const TemporalCoreByteArray *fail) {
  free_bytes(fail);
  answered(user_data);
}

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level;
  volatile size_t size = temporal_core_forwarded_log_target(log).size +
                         temporal_core_forwarded_log_message(log).size +
                         temporal_core_forwarded_log_fields_json(log).size;
  (void)size;
}

static void on_request(TemporalCoreClientGrpcOverrideRequest *request, void *user_data) {
  (void)user_data;
  TemporalCoreByteArrayRefArray headers =
      temporal_core_client_grpc_override_request_headers(request);
  volatile size_t size = 0;
  for (size_t i = 0; i < headers.size; i++) size += headers.data[i].size;
  TemporalCoreByteArrayRef rpc = temporal_core_client_grpc_override_request_rpc(request);
  TemporalCoreClientGrpcOverrideResponse response;
  memset(&response, 0, sizeof response);
  if (rpc.size >= 4 && memcmp(rpc.data, "Poll", 4) == 0) {
    response.status_code = 5;
    response.fail_message = ref("nothing to poll for");
  }
  temporal_core_client_grpc_override_request_respond(request, response);
}

static TemporalCoreRuntime *new_runtime(void) {
  TemporalCoreLoggingOptions logging;
  TemporalCorePrometheusOptions prometheus;
  TemporalCoreMetricsOptions metrics;
  TemporalCoreTelemetryOptions telemetry = {&logging, &metrics};
  TemporalCoreRuntimeOptions options;
  memset(&logging, 0, sizeof logging);
  memset(&prometheus, 0, sizeof prometheus);
  memset(&metrics, 0, sizeof metrics);
  memset(&options, 0, sizeof options);
  logging.filter = ref("error");
  logging.forward_to = on_log;
  prometheus.bind_address = ref("127.0.0.1:0");
  metrics.prometheus = &prometheus;
  options.telemetry = &telemetry;
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  if (made.fail != NULL) fail_test("runtime_new failed");
  return made.runtime;
}

static TemporalCoreConnection *connect_through_override(TemporalCoreRuntime *runtime) {
  TemporalCoreConnectionOptions options;
  Call call;
  memset(&options, 0, sizeof options);
  options.target_url = ref("http://127.0.0.1:9");
  options.client_name = ref("memory");
  options.client_version = ref("1");
  options.identity = ref("memory");
  options.grpc_override_callback = on_request;
  start(&call);
  temporal_core_client_connect(runtime, &options, &call, on_connect);
  await(&call);
  if (call.connection == NULL) fail_test("client_connect failed");
  return call.connection;
}

static void rpc(TemporalCoreConnection *connection, const char *name) {
  TemporalCoreCancellationToken *token = temporal_core_cancellation_token_new();
  TemporalCoreByteArrayRef header = ref("name\nvalue");
  TemporalCoreRpcCallOptions options;
  Call call;
  memset(&options, 0, sizeof options);
  options.service = TemporalCoreRpcService_Workflow;
  options.rpc = ref(name);
  options.metadata.data = &header;
  options.metadata.size = 1;
  options.cancellation_token = token;
  start(&call);
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  temporal_core_cancellation_token_free(token);
  await(&call);
}

static void metrics(TemporalCoreRuntime *runtime) {
  TemporalCoreMetricMeter *meter = temporal_core_metric_meter_new(runtime);
  TemporalCoreMetricAttribute attribute;
  TemporalCoreMetricOptions options;
  memset(&attribute, 0, sizeof attribute);
  memset(&options, 0, sizeof options);
  attribute.key = ref("key");
  attribute.value.string_value = ref("value");
  attribute.value_type = TemporalCoreMetricAttributeValueType_String;
  TemporalCoreMetricAttributes *attributes =
      temporal_core_metric_attributes_new(meter, &attribute, 1);
  TemporalCoreMetricAttributes *more =
      temporal_core_metric_attributes_new_append(meter, attributes, &attribute, 1);
  options.name = ref("metric");
  options.kind = TemporalCoreMetricKind_CounterInteger;
  TemporalCoreMetric *metric = temporal_core_metric_new(meter, &options);
  temporal_core_metric_record_integer(metric, 3, more);
  temporal_core_metric_record_float(metric, 3, NULL);
  temporal_core_metric_free(metric);
  temporal_core_metric_attributes_free(attributes);
  temporal_core_metric_attributes_free(more);
  temporal_core_metric_meter_free(meter);
}

static TemporalCoreSlotSupplier slots(void) {
  TemporalCoreSlotSupplier supplier;
  memset(&supplier, 0, sizeof supplier);
  supplier.tag = TemporalCoreSlotSupplier_FixedSize;
  supplier.fixed_size.num_slots = 5;
  return supplier;
}

static void worker(TemporalCoreRuntime *runtime, TemporalCoreConnection *connection) {
  TemporalCorePollerBehaviorSimpleMaximum maximum = {2};
  TemporalCorePollerBehavior polls = {&maximum, NULL};
  TemporalCoreTunerHolder tuner = {slots(), slots(), slots(), slots()};
  TemporalCoreWorkerOptions options;
  Call call;
  memset(&options, 0, sizeof options);
  options.namespace_ = ref("default");
  options.task_queue = ref("queue");
  options.max_cached_workflows = 5;
  options.tuner = tuner;
  options.task_types.enable_workflows = true;
  options.task_types.enable_remote_activities = true;
  options.workflow_task_poller_behavior = polls;
  options.activity_task_poller_behavior = polls;
  options.nexus_task_poller_behavior = polls;
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  if (made.fail != NULL) fail_test("worker_new failed");
  start(&call);
  temporal_core_worker_validate(made.worker, &call, on_done);
  await(&call);
  start(&call);
  temporal_core_worker_complete_activity_task(made.worker, ref("\xff"), &call, on_done);
  await(&call);
  free_bytes(temporal_core_worker_record_activity_heartbeat(made.worker, ref("\xff")));
  temporal_core_worker_initiate_shutdown(made.worker);
  start(&call);
  temporal_core_worker_poll_workflow_activation(made.worker, &call, on_poll);
  await(&call);
  start(&call);
  temporal_core_worker_poll_activity_task(made.worker, &call, on_poll);
  await(&call);
  start(&call);
  temporal_core_worker_finalize_shutdown(made.worker, &call, on_done);
  await(&call);
  temporal_core_worker_free(made.worker);

  made = temporal_core_worker_new(connection, &options);
  start(&call);
  temporal_core_worker_poll_workflow_activation(made.worker, &call, on_poll);
  temporal_core_worker_free(made.worker);
  await(&call);

  TemporalCoreWorkerReplayerOrFail replayer = temporal_core_worker_replayer_new(runtime, &options);
  if (replayer.fail != NULL) fail_test("worker_replayer_new failed");
  free_bytes(temporal_core_worker_replay_push(replayer.worker, replayer.worker_replay_pusher,
                                              ref("workflow"), ref("\xff"))
                 .fail);
  temporal_core_worker_replay_pusher_free(replayer.worker_replay_pusher);
  start(&call);
  temporal_core_worker_poll_workflow_activation(replayer.worker, &call, on_poll);
  await(&call);
  if (finalize_replayers) {
    temporal_core_worker_initiate_shutdown(replayer.worker);
    start(&call);
    temporal_core_worker_finalize_shutdown(replayer.worker, &call, on_done);
    await(&call);
  }
  temporal_core_worker_free(replayer.worker);
}

/* Queues */

static void *tag_of(TemporalStaticLibsQueue *queue) {
  return temporal_static_libs_queue_tag(queue, 1);
}

/* Reads all of an event, so that valgrind checks it, and frees it. */
static void free_event(TemporalStaticLibsEvent *event) {
  if (event->log != NULL) on_log(event->log_level, event->log);
  free_bytes(event->success);
  event->success = NULL;
  temporal_static_libs_event_free(event);
  temporal_static_libs_event_free(event);
}

/* Answers or drops requests and frees other events until there is an event of this kind. */
static TemporalStaticLibsEvent await_event(TemporalStaticLibsQueue *queue,
                                           TemporalStaticLibsEventKind kind) {
  TemporalStaticLibsEvent event;
  static unsigned requests = 0;
  for (event.size = sizeof event;; free_event(&event)) {
    if (!temporal_static_libs_queue_next(queue, 60000, &event)) fail_test("no event");
    if (event.kind == kind) return event;
    /* An unanswered request fails, but connecting has to succeed. */
    if (event.request != NULL && (kind == TemporalStaticLibsEventKind_ClientConnect || requests++ % 2)) {
      on_request(event.request, NULL);
      event.request = NULL;
    }
  }
}

static TemporalCoreRuntime *new_runtime_with(TemporalStaticLibsQueue *queue) {
  TemporalCoreLoggingOptions logging;
  TemporalCoreTelemetryOptions telemetry = {&logging, NULL};
  TemporalCoreRuntimeOptions options;
  TemporalStaticLibsRuntimeOptions extra;
  memset(&logging, 0, sizeof logging);
  memset(&options, 0, sizeof options);
  memset(&extra, 0, sizeof extra);
  logging.filter = ref("debug");
  options.telemetry = &telemetry;
  extra.size = sizeof extra;
  extra.threads = 1;
  extra.max_waiting_logs = 20;
  extra.log_queue = queue;
  extra.callbacks_may_block = true;
  TemporalCoreRuntimeOrFail made = temporal_static_libs_runtime_new(&options, &extra);
  if (made.fail != NULL) fail_test("runtime_new with a queue failed");
  return made.runtime;
}

static void queue_worker(TemporalStaticLibsQueue *queue, TemporalCoreConnection *connection,
                         const TemporalCoreWorkerOptions *options) {
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, options);
  TemporalStaticLibsEvent event;
  if (made.fail != NULL) fail_test("worker_new failed");
  temporal_core_worker_poll_activity_task(made.worker, tag_of(queue), temporal_static_libs_on_worker_poll);
  TemporalStaticLibsWorkerStateOrFail state = temporal_static_libs_worker_state(made.worker);
  if (state.state == NULL) fail_test("worker_state failed");
  free_bytes(state.state);
  temporal_static_libs_worker_ask_server(made.worker, tag_of(queue),
                                         temporal_static_libs_on_worker_ask_server);
  event = await_event(queue, TemporalStaticLibsEventKind_WorkerAskServer);
  free_event(&event);
  temporal_core_worker_complete_activity_task(made.worker, ref("\xff"), tag_of(queue),
                                              temporal_static_libs_on_worker);
  event = await_event(queue, TemporalStaticLibsEventKind_Worker);
  if (event.fail == NULL) fail_test("an invalid completion was accepted");
  free_event(&event);
  temporal_core_worker_initiate_shutdown(made.worker);
  event = await_event(queue, TemporalStaticLibsEventKind_WorkerPoll);
  free_event(&event);
  temporal_core_worker_free(made.worker);
}

static TemporalCoreWorkerOptions activity_options(void) {
  static const TemporalCorePollerBehaviorSimpleMaximum maximum = {1};
  TemporalCoreTunerHolder tuner = {slots(), slots(), slots(), slots()};
  TemporalCoreWorkerOptions options;
  memset(&options, 0, sizeof options);
  options.namespace_ = ref("default");
  options.task_queue = ref("queue");
  options.tuner = tuner;
  options.task_types.enable_remote_activities = true;
  options.activity_task_poller_behavior.simple_maximum = &maximum;
  return options;
}

/* Requests, logs and results of a runtime on one queue, which is freed with calls in flight. */
static void queues(void) {
  TemporalStaticLibsQueue *queue = temporal_static_libs_queue_new();
  TemporalCoreRuntime *runtime = new_runtime_with(queue);
  TemporalCoreConnectionOptions options;
  TemporalStaticLibsConnectOptions extra;
  TemporalStaticLibsEvent event;
  memset(&options, 0, sizeof options);
  memset(&extra, 0, sizeof extra);
  options.target_url = ref("http://127.0.0.1:9");
  options.client_name = ref("memory");
  options.client_version = ref("1");
  options.identity = ref("memory");
  extra.size = sizeof extra;
  extra.grpc_override_queue = queue;
  if (temporal_static_libs_queue_descriptor(queue) < 0) fail_test("no descriptor");
  temporal_static_libs_client_connect(runtime, &options, &extra, tag_of(queue),
                                      temporal_static_libs_on_client_connect);
  event = await_event(queue, TemporalStaticLibsEventKind_ClientConnect);
  TemporalCoreConnection *connection = event.connection;
  if (connection == NULL) fail_test("client_connect with a queue failed");
  event.connection = NULL;
  free_event(&event);

  TemporalCoreRpcCallOptions call;
  memset(&call, 0, sizeof call);
  call.service = TemporalCoreRpcService_Workflow;
  call.rpc = ref("DescribeNamespace");
  for (int i = 0; i < 4; i++) {
    temporal_core_client_rpc_call(connection, &call, tag_of(queue),
                                  temporal_static_libs_on_client_rpc_call);
    event = await_event(queue, TemporalStaticLibsEventKind_ClientRpcCall);
    free_event(&event);
  }
  TemporalCoreWorkerOptions of_worker = activity_options();
  queue_worker(queue, connection, &of_worker);

  TemporalCoreByteArrayRef bad_header = ref("no spaces allowed\nvalue");
  TemporalCoreByteArrayRefArray bad_metadata = {&bad_header, 1};
  for (int i = 0; i < 30; i++) temporal_core_client_update_metadata(connection, bad_metadata);

  /* Waiting events: logs, results, requests, a connection that nobody keeps. */
  temporal_core_client_rpc_call(connection, &call, tag_of(queue),
                                temporal_static_libs_on_client_rpc_call);
  temporal_core_client_connect(runtime, NULL, tag_of(queue), temporal_static_libs_on_client_connect);
  temporal_static_libs_on_client_connect(tag_of(queue), connect_through_override(runtime), NULL);
  void *late = tag_of(queue);
  TemporalCoreConnection *of_late = connect_through_override(runtime);
  temporal_static_libs_queue_free(queue);
  temporal_static_libs_on_client_connect(late, of_late, NULL);
  temporal_static_libs_on_client_connect(NULL, connect_through_override(runtime), NULL);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
}

static void configuration(void) {
  TemporalCoreClientEnvConfigProfileLoadOptions options;
  memset(&options, 0, sizeof options);
  options.data = ref("[profile.default]\naddress = \"host:7233\"\n");
  options.env_vars = ref("{}");
  TemporalCoreClientEnvConfigProfileOrFail loaded =
      temporal_core_client_env_config_profile_load(&options);
  if (loaded.success == NULL) fail_test("env_config_profile_load failed");
  free_bytes(loaded.success);
}

static void randomness(void) {
  uint8_t bytes[13];
  TemporalCoreByteArrayRef buffer = {bytes, sizeof bytes};
  TemporalCoreRandom *random = temporal_core_random_new(7);
  temporal_core_random_fill_bytes(random, buffer);
  volatile int sum = bytes[0] + bytes[12] + temporal_core_random_int32_range(random, 0, 9, true);
  (void)sum;
  temporal_core_random_free(random);
}

static void cycle(void) {
  TemporalCoreRuntime *runtime = new_runtime();
  TemporalCoreConnection *connection = connect_through_override(runtime);
  TemporalCoreByteArrayRef bad_header = ref("no spaces allowed\nvalue");
  TemporalCoreByteArrayRefArray bad_metadata = {&bad_header, 1};
  rpc(connection, "DescribeNamespace");
  rpc(connection, "PollWorkflowTaskQueue");
  rpc(connection, "NoSuchCall");
  temporal_core_client_update_metadata(connection, bad_metadata);
  temporal_core_client_update_api_key(connection, ref("key"));
  metrics(runtime);
  worker(runtime, connection);
  queues();
  configuration();
  randomness();
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
}

static int threads(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) fail_test("no /proc/self/task");
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* A runtime may still be shutting down just after its last call. */
static void await_threads(void) {
  struct timespec pause = {0, 20 * 1000 * 1000};
  for (int i = 0; threads() > 1; i++) {
    if (i == 500) fail_test("threads stay after everything was freed");
    nanosleep(&pause, NULL);
  }
}

/* Bytes in use, reachable or not. */
static unsigned long in_use(void) {
  await_threads();
  unsigned long leaked = 0, dubious = 0, reachable = 0, suppressed = 0;
  VALGRIND_DO_LEAK_CHECK;
  VALGRIND_COUNT_LEAKS(leaked, dubious, reachable, suppressed);
  fprintf(stderr, "lost %lu, possibly %lu, reachable %lu\n", leaked, dubious, reachable);
  if (leaked != 0) fail_test("memory is definitely lost");
  /* glibc keeps some stacks of ended threads, 288 bytes of each possibly lost. */
  if (dubious > KEPT_STACKS * 288) fail_test("memory is possibly lost");
  return reachable + suppressed;
}

int main(int argc, char **argv) {
  if (!RUNNING_ON_VALGRIND) fail_test("run this program under valgrind");
  finalize_replayers = argc < 2 || strcmp(argv[1], "free-only") != 0;
  for (int i = 0; i < WARM_UP; i++) cycle();
  unsigned long before = in_use();
  int grown = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < CYCLES; i++) cycle();
    unsigned long now = in_use();
    grown += now > before;
    before = now;
  }
  /* A late one-time allocation grows one round; a leak grows all of them. */
  if (grown == ROUNDS) fail_test("memory in use grows with every round");
  return VALGRIND_COUNT_ERRORS == 0 ? 0 : 3;
}
