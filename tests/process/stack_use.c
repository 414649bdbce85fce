/* Runs each export on a thread with a prepared stack, and writes how much of it the call used.
 *
 * usage: stack_use painted|guarded console|forwarded METRICS DIRECTORY RESULTS [SERVER]
 *
 * `painted`: the stack is filled with 1 MiB of one byte; the deepest changed byte shows how much was used,
 * the thread's own control block and thread-local data included. `guarded`: the stack has 64 KiB, and
 * below them a page that ends the program when it is touched.
 * METRICS: prometheus, otlp-grpc, otlp-http or custom. DIRECTORY: the messages, certificates and
 * configurations to pass. RESULTS: a file, one `EXPORT BYTES` per call; the line of a call that ends the
 * program has no number. SERVER: an executable for temporal_core_ephemeral_server_start_dev_server. */

#define _GNU_SOURCE

#include "calls.h"

#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAINTED_SIZE = 1 << 20, GUARDED_SIZE = 64 << 10, PAINT = 0xA5 };

static bool painted;
static FILE *results;
static const char *directory;

static void (*body)(void);
static void *run_body(void *unused) {
  body();
  return unused;
}

static void measure(const char *name, void (*measured)(void)) {
  const size_t size = painted ? PAINTED_SIZE : GUARDED_SIZE;
  const size_t guard = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *memory = mmap(NULL, guard + size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0) fail_test("mmap");
  uint8_t *lowest = memory + guard;
  if (painted) memset(lowest, PAINT, size);
  fprintf(results, "%s ", name);
  fflush(results);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  if (pthread_attr_setstack(&attributes, lowest, size) != 0) fail_test("pthread_attr_setstack");
  body = measured;
  if (pthread_create(&thread, &attributes, run_body, NULL) != 0) fail_test("pthread_create");
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  size_t untouched = 0;
  while (painted && untouched < size && lowest[untouched] == PAINT) untouched++;
  fprintf(results, "%zu\n", painted ? size - untouched : 0);
  fflush(results);
  munmap(memory, guard + size);
}

#define MEASURE(name) measure(#name, run_##name)
#define EXPORT(name, ...) \
  static void run_##name(void) { __VA_ARGS__; }

static TemporalCoreByteArrayRef file(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) fail_test(path);
  fseek(stream, 0, SEEK_END);
  long size = ftell(stream);
  rewind(stream);
  /* Never freed. */
  uint8_t *data = malloc((size_t)size + 1);
  if (fread(data, 1, (size_t)size, stream) != (size_t)size) fail_test(path);
  fclose(stream);
  return bytes_ref(data, (size_t)size);
}

/* --- arguments of the calls --- */

static TemporalCoreRuntimeOptions runtime_options;
static TemporalCoreRuntimeOrFail made_runtime;
static TemporalCoreRuntime *runtime;
static TemporalCoreCancellationToken *token;
static TemporalCoreConnectionOptions options_of_connection;
static TemporalCoreConnection *connection;
static TemporalCoreWorkerOptions options_of_worker;
static TemporalCoreWorkerOrFail made_worker;
static TemporalCoreWorker *worker;
static TemporalCoreWorkerReplayerOrFail made_replayer;
static TemporalCoreByteArrayRef message;
static TemporalCoreRpcCallOptions rpc_options;
static TemporalCoreMetricMeter *meter;
static TemporalCoreMetricAttributes *attributes, *more_attributes;
static TemporalCoreMetric *metric;
static TemporalCoreRandom *generator;
static TemporalCoreDevServerOptions dev_server_options;
static TemporalCoreTestServerOptions test_server_options;
static TemporalCoreEphemeralServer *server;
static const TemporalCoreByteArray *fail;
static Call call, poll_calls[3];
static const char *text;

/* --- callbacks on the calling thread --- */

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level;
  volatile size_t size = temporal_core_forwarded_log_target(log).size +
                         temporal_core_forwarded_log_message(log).size +
                         temporal_core_forwarded_log_fields_json(log).size;
  (void)size;
}

static void on_start(void *user_data, TemporalCoreEphemeralServer *success,
                     const TemporalCoreByteArray *target, const TemporalCoreByteArray *failure) {
  bool failed = failure != NULL;
  free_bytes(target);
  free_bytes(failure);
  answered(user_data, success, failed);
}

static const void *new_metric(TemporalCoreByteArrayRef name, TemporalCoreByteArrayRef description,
                              TemporalCoreByteArrayRef unit, TemporalCoreMetricKind kind) {
  (void)name, (void)description, (void)unit, (void)kind;
  return NULL;
}
static void free_metric(const void *freed) { (void)freed; }
static void record_integer(const void *of, uint64_t value, const void *with) {
  (void)of, (void)value, (void)with;
}
static void record_float(const void *of, double value, const void *with) {
  (void)of, (void)value, (void)with;
}
static const void *new_attributes(const void *from, const TemporalCoreCustomMetricAttribute *given,
                                  size_t size) {
  (void)from, (void)given, (void)size;
  return NULL;
}
static void free_meter(const TemporalCoreCustomMetricMeter *freed) { (void)freed; }

static pthread_mutex_t reserve_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reserve_changed = PTHREAD_COND_INITIALIZER;
static const TemporalCoreSlotReserveCompletionCtx *reservations[2], *cancelled;
static int reservation_count;
static void reserve(const TemporalCoreSlotReserveCtx *ctx,
                    const TemporalCoreSlotReserveCompletionCtx *completion, void *user_data) {
  (void)ctx, (void)user_data;
  pthread_mutex_lock(&reserve_mutex);
  if (reservation_count < 2) reservations[reservation_count++] = completion;
  pthread_cond_broadcast(&reserve_changed);
  pthread_mutex_unlock(&reserve_mutex);
}
static void cancel_reserve(const TemporalCoreSlotReserveCompletionCtx *completion, void *user_data) {
  (void)user_data;
  pthread_mutex_lock(&reserve_mutex);
  cancelled = completion;
  pthread_cond_broadcast(&reserve_changed);
  pthread_mutex_unlock(&reserve_mutex);
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
    .reserve = reserve,
    .cancel_reserve = cancel_reserve,
    .try_reserve = try_reserve,
    .mark_used = mark_used,
    .release = release_slot,
    .free = free_supplier,
};

static pthread_mutex_t request_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t request_changed = PTHREAD_COND_INITIALIZER;
static TemporalCoreClientGrpcOverrideRequest *kept_request;
static bool keep_next_request;

/* Keeps one request for the thread that measures, and answers all others. */
static void on_request_or_keep(TemporalCoreClientGrpcOverrideRequest *request, void *user_data) {
  pthread_mutex_lock(&request_mutex);
  bool keep = keep_next_request;
  keep_next_request = false;
  if (keep) kept_request = request;
  pthread_cond_broadcast(&request_changed);
  pthread_mutex_unlock(&request_mutex);
  if (!keep) on_request(request, user_data);
}

/* --- the calls, in the order in which they are made --- */

static void run_nothing(void) {}

EXPORT(temporal_static_libs_version, text = temporal_static_libs_version())
EXPORT(temporal_static_libs_abi_id, text = temporal_static_libs_abi_id())
EXPORT(temporal_core_cancellation_token_new, token = temporal_core_cancellation_token_new())
EXPORT(temporal_core_cancellation_token_cancel, temporal_core_cancellation_token_cancel(token))
EXPORT(temporal_core_cancellation_token_free, temporal_core_cancellation_token_free(token))
EXPORT(temporal_core_random_new, generator = temporal_core_random_new(1))
EXPORT(temporal_core_random_int32_range,
       temporal_core_random_int32_range(generator, -5, 5, true);
       temporal_core_random_int32_range(generator, 5, -5, true))
EXPORT(temporal_core_random_double_range,
       temporal_core_random_double_range(generator, -5, 5, true);
       temporal_core_random_double_range(generator, 5, -5, true))
EXPORT(temporal_core_random_fill_bytes, uint8_t filled[16] = {0};
       temporal_core_random_fill_bytes(generator, bytes_ref(filled, sizeof filled)))
EXPORT(temporal_core_random_free, temporal_core_random_free(generator))

static TemporalCoreByteArrayRef env_vars;
EXPORT(temporal_core_client_env_config_load,
       TemporalCoreClientEnvConfigLoadOptions options = {.data = message, .env_vars = env_vars};
       TemporalCoreClientEnvConfigOrFail loaded = temporal_core_client_env_config_load(&options);
       free_bytes(loaded.success); free_bytes(loaded.fail))
EXPORT(temporal_core_client_env_config_profile_load,
       TemporalCoreClientEnvConfigProfileLoadOptions options = {
           .data = message, .env_vars = env_vars, .profile = ref("p7")};
       TemporalCoreClientEnvConfigProfileOrFail loaded =
           temporal_core_client_env_config_profile_load(&options);
       free_bytes(loaded.success); free_bytes(loaded.fail))

EXPORT(temporal_core_runtime_new, made_runtime = temporal_core_runtime_new(&runtime_options))
static TemporalStaticLibsRuntimeOptions extra_options = {
    .size = sizeof(TemporalStaticLibsRuntimeOptions), .threads = 1, .callbacks_may_block = true};
EXPORT(temporal_static_libs_runtime_new,
       made_runtime = temporal_static_libs_runtime_new(&runtime_options, &extra_options))
EXPORT(temporal_core_byte_array_free, temporal_core_byte_array_free(runtime, made_runtime.fail))
EXPORT(temporal_core_runtime_free, temporal_core_runtime_free(runtime))

EXPORT(temporal_core_client_connect,
       temporal_core_client_connect(runtime, &options_of_connection, &call, on_connect))
static const TemporalStaticLibsConnectOptions connect_options = {
    .size = sizeof(TemporalStaticLibsConnectOptions), .timeout_millis = 10000};
EXPORT(temporal_static_libs_client_connect,
       temporal_static_libs_client_connect(runtime, &options_of_connection, &connect_options, &call,
                                           on_connect))
EXPORT(temporal_core_client_update_metadata,
       TemporalCoreByteArrayRef entry = ref("name\nvalue"); TemporalCoreMetadataRef of = {&entry, 1};
       temporal_core_client_update_metadata(connection, of);
       entry = ref("\xff name\nvalue"); temporal_core_client_update_metadata(connection, of))
EXPORT(temporal_core_client_update_binary_metadata,
       TemporalCoreByteArrayRef entry = ref("a-bin\nvalue"); TemporalCoreMetadataRef of = {&entry, 1};
       temporal_core_client_update_binary_metadata(connection, of);
       entry = ref("\xff name\nvalue"); temporal_core_client_update_binary_metadata(connection, of))
EXPORT(temporal_core_client_update_api_key,
       temporal_core_client_update_api_key(connection, ref("key"));
       temporal_core_client_update_api_key(connection, ref("\xff")))
EXPORT(temporal_core_client_free, temporal_core_client_free(connection))
EXPORT(temporal_core_client_rpc_call,
       temporal_core_client_rpc_call(connection, &rpc_options, &call, on_rpc))
EXPORT(temporal_core_client_grpc_override_request_service,
       temporal_core_client_grpc_override_request_service(kept_request);
       temporal_core_client_grpc_override_request_service(NULL))
EXPORT(temporal_core_client_grpc_override_request_rpc,
       temporal_core_client_grpc_override_request_rpc(kept_request);
       temporal_core_client_grpc_override_request_rpc(NULL))
EXPORT(temporal_core_client_grpc_override_request_headers,
       temporal_core_client_grpc_override_request_headers(kept_request);
       temporal_core_client_grpc_override_request_headers(NULL))
EXPORT(temporal_core_client_grpc_override_request_proto,
       temporal_core_client_grpc_override_request_proto(kept_request);
       temporal_core_client_grpc_override_request_proto(NULL))
EXPORT(temporal_core_client_grpc_override_request_respond,
       TemporalCoreByteArrayRef entry = ref("name\nvalue");
       TemporalCoreClientGrpcOverrideResponse response = {
           .status_code = 9, .headers = {&entry, 1}, .fail_message = ref("no"),
           .fail_details = ref("details")};
       temporal_core_client_grpc_override_request_respond(kept_request, response))

/* `on_log` calls all accessors on the thread that logs; here they are called without a log. */
EXPORT(temporal_core_forwarded_log_target, temporal_core_forwarded_log_target(NULL))
EXPORT(temporal_core_forwarded_log_message, temporal_core_forwarded_log_message(NULL))
EXPORT(temporal_core_forwarded_log_timestamp_millis,
       temporal_core_forwarded_log_timestamp_millis(NULL))
EXPORT(temporal_core_forwarded_log_fields_json, temporal_core_forwarded_log_fields_json(NULL))

static const TemporalCoreMetricAttribute attribute = {
    .key = {(const uint8_t *)"key", 3},
    .value = {.string_value = {(const uint8_t *)"value", 5}},
    .value_type = TemporalCoreMetricAttributeValueType_String,
};
static TemporalCoreMetricOptions metric_options;
EXPORT(temporal_core_metric_meter_new, meter = temporal_core_metric_meter_new(runtime))
EXPORT(temporal_core_metric_meter_free, temporal_core_metric_meter_free(meter))
EXPORT(temporal_core_metric_attributes_new,
       attributes = temporal_core_metric_attributes_new(meter, &attribute, 1))
EXPORT(temporal_core_metric_attributes_new_append,
       more_attributes =
           temporal_core_metric_attributes_new_append(meter, attributes, &attribute, 1))
EXPORT(temporal_core_metric_attributes_free, temporal_core_metric_attributes_free(attributes))
EXPORT(temporal_core_metric_new, metric = temporal_core_metric_new(meter, &metric_options))
EXPORT(temporal_core_metric_free, temporal_core_metric_free(metric))
EXPORT(temporal_core_metric_record_integer,
       temporal_core_metric_record_integer(metric, 7, attributes))
EXPORT(temporal_core_metric_record_integer_signed,
       temporal_core_metric_record_integer_signed(metric, -7, attributes))
EXPORT(temporal_core_metric_record_float,
       temporal_core_metric_record_float(metric, 0.7, attributes))
EXPORT(temporal_core_metric_record_duration,
       temporal_core_metric_record_duration(metric, 7, attributes))

EXPORT(temporal_core_worker_new,
       made_worker = temporal_core_worker_new(connection, &options_of_worker))
EXPORT(temporal_core_worker_validate, temporal_core_worker_validate(worker, &call, on_done))
EXPORT(temporal_static_libs_worker_state,
       TemporalStaticLibsWorkerStateOrFail state = temporal_static_libs_worker_state(worker);
       free_bytes(state.state); free_bytes(state.fail))
EXPORT(temporal_static_libs_worker_ask_server,
       temporal_static_libs_worker_ask_server(worker, &call, on_poll))
EXPORT(temporal_core_worker_replace_client,
       fail = temporal_core_worker_replace_client(worker, connection))
EXPORT(temporal_core_worker_poll_workflow_activation,
       temporal_core_worker_poll_workflow_activation(worker, &poll_calls[0], on_poll))
EXPORT(temporal_core_worker_poll_activity_task,
       temporal_core_worker_poll_activity_task(worker, &poll_calls[1], on_poll))
EXPORT(temporal_core_worker_poll_nexus_task,
       temporal_core_worker_poll_nexus_task(worker, &poll_calls[2], on_poll))
EXPORT(temporal_core_worker_complete_workflow_activation,
       temporal_core_worker_complete_workflow_activation(worker, message, &call, on_done))
EXPORT(temporal_core_worker_complete_activity_task,
       temporal_core_worker_complete_activity_task(worker, message, &call, on_done))
EXPORT(temporal_core_worker_complete_nexus_task,
       temporal_core_worker_complete_nexus_task(worker, message, &call, on_done))
EXPORT(temporal_core_worker_record_activity_heartbeat,
       fail = temporal_core_worker_record_activity_heartbeat(worker, message))
EXPORT(temporal_core_worker_request_workflow_eviction,
       temporal_core_worker_request_workflow_eviction(worker, ref("run"));
       temporal_core_worker_request_workflow_eviction(NULL, ref("run")))
EXPORT(temporal_core_worker_initiate_shutdown, temporal_core_worker_initiate_shutdown(worker))
EXPORT(temporal_core_worker_finalize_shutdown,
       temporal_core_worker_finalize_shutdown(worker, &call, on_done))
EXPORT(temporal_core_worker_free, temporal_core_worker_free(worker))
EXPORT(temporal_core_complete_async_reserve, temporal_core_complete_async_reserve(reservations[0], 7))
EXPORT(temporal_core_complete_async_cancel_reserve,
       temporal_core_complete_async_cancel_reserve(cancelled))

EXPORT(temporal_core_worker_replayer_new,
       made_replayer = temporal_core_worker_replayer_new(runtime, &options_of_worker))
EXPORT(temporal_core_worker_replay_push,
       fail = temporal_core_worker_replay_push(made_replayer.worker,
                                               made_replayer.worker_replay_pusher, ref("workflow"),
                                               message)
                  .fail)
EXPORT(temporal_core_worker_replay_pusher_free,
       temporal_core_worker_replay_pusher_free(made_replayer.worker_replay_pusher))

EXPORT(temporal_core_ephemeral_server_start_dev_server,
       temporal_core_ephemeral_server_start_dev_server(runtime, &dev_server_options, &call, on_start))
EXPORT(temporal_core_ephemeral_server_start_test_server,
       temporal_core_ephemeral_server_start_test_server(runtime, &test_server_options, &call,
                                                        on_start))
EXPORT(temporal_core_ephemeral_server_shutdown,
       temporal_core_ephemeral_server_shutdown(server, &call, on_done))
EXPORT(temporal_core_ephemeral_server_free, temporal_core_ephemeral_server_free(server))

static TemporalStaticLibsQueue *queue;
static void *tag;
static TemporalStaticLibsEvent event = {.size = sizeof event};
static const TemporalCoreByteArray *bytes[3];
static TemporalCoreConnection *queued_connection;
EXPORT(temporal_static_libs_queue_new, queue = temporal_static_libs_queue_new())
EXPORT(temporal_static_libs_queue_tag, tag = temporal_static_libs_queue_tag(queue, 7);
       temporal_static_libs_queue_tag(NULL, 7))
EXPORT(temporal_static_libs_queue_descriptor, temporal_static_libs_queue_descriptor(queue);
       temporal_static_libs_queue_descriptor(NULL))
EXPORT(temporal_static_libs_queue_next, temporal_static_libs_queue_next(queue, 1, &event);
       temporal_static_libs_queue_next(queue, -1, NULL))
EXPORT(temporal_static_libs_queue_try_next, temporal_static_libs_queue_try_next(queue, &event);
       temporal_static_libs_queue_try_next(NULL, &event))
EXPORT(temporal_static_libs_event_free, temporal_static_libs_event_free(&event))
EXPORT(temporal_static_libs_queue_free, temporal_static_libs_queue_free(queue))
EXPORT(temporal_static_libs_on_client_connect,
       temporal_static_libs_on_client_connect(tag, queued_connection, bytes[0]))
EXPORT(temporal_static_libs_on_client_rpc_call,
       temporal_static_libs_on_client_rpc_call(tag, bytes[0], 5, bytes[1], bytes[2]))
EXPORT(temporal_static_libs_on_worker_poll,
       temporal_static_libs_on_worker_poll(tag, bytes[0], bytes[1]))
EXPORT(temporal_static_libs_on_worker, temporal_static_libs_on_worker(tag, bytes[0]))
EXPORT(temporal_static_libs_on_ephemeral_server_start,
       temporal_static_libs_on_ephemeral_server_start(tag, NULL, bytes[0], bytes[1]))
EXPORT(temporal_static_libs_on_ephemeral_server_shutdown,
       temporal_static_libs_on_ephemeral_server_shutdown(tag, bytes[0]))
EXPORT(temporal_static_libs_on_worker_ask_server,
       temporal_static_libs_on_worker_ask_server(tag, bytes[0], bytes[1]))

/* --- the order --- */

/* A measured call whose callback comes later. */
static void measure_call(const char *name, void (*measured)(void)) {
  start(&call);
  measure(name, measured);
  await(&call);
}
#define MEASURE_CALL(name) measure_call(#name, run_##name)

/* With each of the files KIND.DEPTH.NUMBER. */
static void measure_messages(const char *name, void (*measured)(void), const char *kind, bool answers) {
  DIR *files = opendir(directory);
  if (files == NULL) fail_test(directory);
  int count = 0;
  for (struct dirent *found; (found = readdir(files)) != NULL;) {
    if (strncmp(found->d_name, kind, strlen(kind)) != 0) continue;
    count++;
    message = file(found->d_name);
    fail = NULL;
    if (answers) measure_call(name, measured);
    else measure(name, measured);
    free_bytes(fail);
  }
  closedir(files);
  if (count == 0) fail_test(kind);
}
#define MEASURE_MESSAGES(name, kind, answers) measure_messages(#name, run_##name, kind, answers)

static void without_a_runtime(void) {
  MEASURE(temporal_static_libs_version);
  MEASURE(temporal_static_libs_abi_id);
  MEASURE(temporal_core_cancellation_token_new);
  MEASURE(temporal_core_cancellation_token_cancel);
  MEASURE(temporal_core_cancellation_token_free);
  MEASURE(temporal_core_random_new);
  MEASURE(temporal_core_random_int32_range);
  MEASURE(temporal_core_random_double_range);
  MEASURE(temporal_core_random_fill_bytes);
  MEASURE(temporal_core_random_free);
  static const char *const configs[] = {"config.toml", "nested.toml", "broken.toml"};
  for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
    message = file(configs[i]);
    env_vars = file("environment.json");
    MEASURE(temporal_core_client_env_config_load);
    MEASURE(temporal_core_client_env_config_profile_load);
    env_vars = file("nested.json");
    MEASURE(temporal_core_client_env_config_load);
    MEASURE(temporal_core_client_env_config_profile_load);
  }
}

static void make_runtime(const char *logs, const char *metrics) {
  static TemporalCoreLoggingOptions logging;
  static TemporalCorePrometheusOptions prometheus;
  static TemporalCoreOpenTelemetryOptions otlp;
  static TemporalCoreMetricsOptions of_metrics;
  static const TemporalCoreCustomMetricMeter custom = {
      new_metric,     free_metric,  record_integer, record_float,
      record_integer, new_attributes, free_metric,  free_meter,
  };
  static const TemporalCoreTelemetryOptions telemetry = {&logging, &of_metrics};
  static TemporalCoreRuntimeInfo info;
  logging.filter = ref("trace");
  if (strcmp(logs, "forwarded") == 0) logging.forward_to = on_log;
  prometheus.bind_address = ref("127.0.0.1:0");
  prometheus.histogram_bucket_overrides = ref("latency\n1,2,3");
  otlp.url = ref(strcmp(metrics, "otlp-http") == 0 ? "http://127.0.0.1:9/v1/metrics"
                                                   : "http://127.0.0.1:9");
  otlp.metric_temporality = TemporalCoreOpenTelemetryMetricTemporality_Delta;
  otlp.protocol = strcmp(metrics, "otlp-http") == 0 ? TemporalCoreOpenTelemetryProtocol_Http
                                                    : TemporalCoreOpenTelemetryProtocol_Grpc;
  otlp.headers = ref("name\nvalue");
  if (strcmp(metrics, "prometheus") == 0) of_metrics.prometheus = &prometheus;
  else if (strcmp(metrics, "custom") == 0) of_metrics.custom_meter = &custom;
  else of_metrics.opentelemetry = &otlp;
  of_metrics.global_tags = ref("tag\nvalue");
  of_metrics.attach_service_name = true;
  info.runtime_type = TemporalCoreRuntimeType_Native;
  info.version = ref("1");
  runtime_options.worker_heartbeat_interval_millis = 60001; /* out of range */
  runtime_options.telemetry = &telemetry;
  runtime_options.runtime_info.data = &info;
  runtime_options.runtime_info.size = 1;
  MEASURE(temporal_core_runtime_new);
  runtime = made_runtime.runtime;
  if (made_runtime.fail == NULL) fail_test("a heartbeat interval out of range was accepted");
  MEASURE(temporal_core_byte_array_free);
  MEASURE(temporal_core_runtime_free);
  MEASURE(temporal_static_libs_runtime_new);
  runtime = made_runtime.runtime;
  if (made_runtime.fail == NULL) fail_test("a heartbeat interval out of range was accepted");
  free_bytes(made_runtime.fail);
  temporal_core_runtime_free(runtime);
  runtime_options.worker_heartbeat_interval_millis = 60000;
  MEASURE(temporal_static_libs_runtime_new);
  expect_none(made_runtime.fail, "temporal_static_libs_runtime_new");
  runtime = made_runtime.runtime;
  MEASURE(temporal_core_runtime_free);
  MEASURE(temporal_core_runtime_new);
  expect_none(made_runtime.fail, "runtime_new");
  runtime = made_runtime.runtime;
}

static void use_metrics(void) {
  MEASURE(temporal_core_metric_meter_new);
  if (meter == NULL) fail_test("no meter");
  MEASURE(temporal_core_metric_attributes_new);
  MEASURE(temporal_core_metric_attributes_new_append);
  for (int kind = TemporalCoreMetricKind_CounterInteger;
       kind <= TemporalCoreMetricKind_UpDownCounterInteger; kind++) {
    metric_options.name = ref("latency");
    metric_options.description = ref("description");
    metric_options.unit = ref("ms");
    metric_options.kind = (TemporalCoreMetricKind)kind;
    MEASURE(temporal_core_metric_new);
    /* The invalid one logs. */
    MEASURE(temporal_core_metric_record_integer);
    MEASURE(temporal_core_metric_record_integer_signed);
    MEASURE(temporal_core_metric_record_float);
    MEASURE(temporal_core_metric_record_duration);
    MEASURE(temporal_core_metric_free);
  }
  MEASURE(temporal_core_metric_attributes_free);
  attributes = more_attributes;
  MEASURE(temporal_core_metric_attributes_free);
  MEASURE(temporal_core_metric_meter_free);
}

static void connect_both_ways(void) {
  static TemporalCoreClientTlsOptions tls;
  static const TemporalCoreClientRetryOptions retry = {1, 0.1, 1.5, 2, 50, 1};
  static const TemporalCoreClientKeepAliveOptions keep_alive = {30000, 15000};
  static TemporalCoreClientHttpConnectProxyOptions proxy;
  static TemporalCoreByteArrayRef entry, binary_entry;
  entry = ref("name\nvalue");
  binary_entry = ref("name-bin\n\x80\xff");
  tls.server_root_ca_cert = file("ca.pem");
  tls.domain = ref("example.org");
  tls.client_cert = file("cert.pem");
  tls.client_private_key = file("key.pem");
  proxy.target_host = ref("127.0.0.1:9");
  proxy.username = ref("user");
  proxy.password = ref("password");
  options_of_connection = connection_options("https://127.0.0.1:9");
  options_of_connection.metadata.data = &entry;
  options_of_connection.metadata.size = 1;
  options_of_connection.binary_metadata.data = &binary_entry;
  options_of_connection.binary_metadata.size = 1;
  options_of_connection.api_key = ref("key");
  options_of_connection.tls_options = &tls;
  options_of_connection.retry_options = &retry;
  options_of_connection.keep_alive_options = &keep_alive;
  MEASURE_CALL(temporal_core_client_connect);
  if (!call.failed) fail_test("connected to nothing");
  MEASURE_CALL(temporal_static_libs_client_connect);
  if (!call.failed) fail_test("connected to nothing");
  options_of_connection.http_connect_proxy_options = &proxy;
  MEASURE_CALL(temporal_core_client_connect);
  if (!call.failed) fail_test("connected to nothing");
  options_of_connection.target_url = ref("no URL");
  MEASURE_CALL(temporal_core_client_connect);
  options_of_connection = connection_options("http://127.0.0.1:9");
  options_of_connection.grpc_override_callback = on_request_or_keep;
  MEASURE_CALL(temporal_core_client_connect);
  connection = call.success;
  if (connection == NULL) fail_test("no connection through the override");
  MEASURE(temporal_core_client_update_metadata);
  MEASURE(temporal_core_client_update_binary_metadata);
  MEASURE(temporal_core_client_update_api_key);
}

/* In the form in which the library passes them. */
static void fill_bytes(int count) {
  TemporalCoreClientEnvConfigLoadOptions options = {.path = {NULL, 1}};
  for (int i = 0; i < 3; i++) {
    bytes[i] = i < count ? temporal_core_client_env_config_load(&options).fail : NULL;
    if (i < count && bytes[i] == NULL) fail_test("no bytes");
  }
}

static void connect_for_a_queue(void) {
  start(&call);
  temporal_core_client_connect(runtime, &options_of_connection, &call, on_connect);
  queued_connection = await(&call);
  if (queued_connection == NULL) fail_test("no connection for the queue");
}

/* An event with everything that a callback can get; twice, because the first wakes the descriptor. */
static void measure_put(const char *name, void (*measured)(void), int count) {
  for (int i = 0; i < 2; i++) {
    MEASURE(temporal_static_libs_queue_tag);
    fill_bytes(count);
    measure(name, measured);
  }
  MEASURE(temporal_static_libs_queue_next);
  MEASURE(temporal_static_libs_event_free);
  MEASURE(temporal_static_libs_queue_try_next);
  MEASURE(temporal_static_libs_event_free);
  /* A request without a queue is freed at once. */
  tag = NULL;
  fill_bytes(count);
  measure(name, measured);
}
#define MEASURE_PUT(name, count) measure_put(#name, run_##name, count)

static void use_a_queue(void) {
  MEASURE(temporal_static_libs_queue_new);
  MEASURE(temporal_static_libs_queue_descriptor);
  MEASURE(temporal_static_libs_queue_next); /* there is none */
  MEASURE_PUT(temporal_static_libs_on_client_rpc_call, 3);
  MEASURE_PUT(temporal_static_libs_on_worker_poll, 2);
  MEASURE_PUT(temporal_static_libs_on_worker, 1);
  MEASURE_PUT(temporal_static_libs_on_ephemeral_server_start, 2);
  MEASURE_PUT(temporal_static_libs_on_ephemeral_server_shutdown, 1);
  MEASURE_PUT(temporal_static_libs_on_worker_ask_server, 2);
  fill_bytes(0);
  connect_for_a_queue();
  MEASURE(temporal_static_libs_queue_tag);
  MEASURE(temporal_static_libs_on_client_connect);
  MEASURE(temporal_static_libs_queue_next);
  if (event.connection == NULL || event.tag != 7) fail_test("no event with a connection");
  MEASURE(temporal_static_libs_event_free);
  connect_for_a_queue();
  tag = NULL;
  MEASURE(temporal_static_libs_on_client_connect);
  connect_for_a_queue();
  MEASURE(temporal_static_libs_queue_tag);
  MEASURE(temporal_static_libs_on_client_connect);
  MEASURE(temporal_static_libs_queue_free); /* with the connection on it */
}

static void call_each_rpc(void) {
  static TemporalCoreByteArrayRef entry, binary_entry;
  char path[4096];
  snprintf(path, sizeof path, "%s/rpcs", directory);
  DIR *rpcs = opendir(path);
  if (rpcs == NULL) fail_test(path);
  token = temporal_core_cancellation_token_new();
  entry = ref("name\nvalue");
  binary_entry = ref("name-bin\n\x80\xff");
  for (struct dirent *found; (found = readdir(rpcs)) != NULL;) {
    /* SERVICE.RPC.DEPTH */
    char *dot = strchr(found->d_name, '.');
    if (dot == found->d_name) continue;
    char rpc[256];
    snprintf(path, sizeof path, "rpcs/%s", found->d_name);
    snprintf(rpc, sizeof rpc, "%.*s", (int)strcspn(dot + 1, "."), dot + 1);
    rpc_options.service = (TemporalCoreRpcService)atoi(found->d_name);
    rpc_options.rpc = ref(rpc);
    rpc_options.req = file(path);
    rpc_options.retry = true;
    rpc_options.metadata.data = &entry;
    rpc_options.metadata.size = 1;
    rpc_options.binary_metadata.data = &binary_entry;
    rpc_options.binary_metadata.size = 1;
    rpc_options.timeout_millis = 1000;
    rpc_options.cancellation_token = token;
    MEASURE_CALL(temporal_core_client_rpc_call);
    free((void *)rpc_options.req.data);
  }
  closedir(rpcs);
  temporal_core_cancellation_token_free(token);

  /* One request to look at. */
  memset(&rpc_options, 0, sizeof rpc_options);
  rpc_options.service = TemporalCoreRpcService_Workflow;
  rpc_options.rpc = ref("GetSystemInfo");
  pthread_mutex_lock(&request_mutex);
  keep_next_request = true;
  pthread_mutex_unlock(&request_mutex);
  start(&call);
  measure("temporal_core_client_rpc_call", run_temporal_core_client_rpc_call);
  pthread_mutex_lock(&request_mutex);
  while (kept_request == NULL) pthread_cond_wait(&request_changed, &request_mutex);
  pthread_mutex_unlock(&request_mutex);
  MEASURE(temporal_core_client_grpc_override_request_service);
  MEASURE(temporal_core_client_grpc_override_request_rpc);
  MEASURE(temporal_core_client_grpc_override_request_headers);
  MEASURE(temporal_core_client_grpc_override_request_proto);
  MEASURE(temporal_core_client_grpc_override_request_respond);
  await(&call);
  MEASURE(temporal_core_forwarded_log_target);
  MEASURE(temporal_core_forwarded_log_message);
  MEASURE(temporal_core_forwarded_log_timestamp_millis);
  MEASURE(temporal_core_forwarded_log_fields_json);
}

static void work(void) {
  static TemporalCoreByteArrayRef texts[2];
  texts[0] = ref("one");
  texts[1] = ref("two");
  const TemporalCoreByteArrayRefArray array = {texts, 2};
  options_of_worker = worker_options("stack");
  options_of_worker.plugins = array;
  options_of_worker.storage_drivers = array;
  options_of_worker.nondeterminism_as_workflow_fail_for_types = array;
  options_of_worker.max_activities_per_second = 5;
  options_of_worker.max_task_queue_activities_per_second = 5;
  options_of_worker.graceful_shutdown_period_millis = 1;
  options_of_worker.max_eager_activity_reservations_per_workflow_task = 3;
  options_of_worker.tuner.workflow_slot_supplier = resource_based();
  options_of_worker.tuner.activity_slot_supplier.tag = TemporalCoreSlotSupplier_Custom;
  options_of_worker.tuner.activity_slot_supplier.custom._0 = &supplier;
  options_of_worker.tuner.local_activity_slot_supplier = resource_based();
  options_of_worker.identity_override = ref("\xff"); /* not UTF-8 */
  MEASURE(temporal_core_worker_new);
  if (made_worker.fail == NULL) fail_test("an identity that is not UTF-8 was accepted");
  free_bytes(made_worker.fail);
  options_of_worker.identity_override = ref("identity");
  MEASURE(temporal_core_worker_new);
  expect_none(made_worker.fail, "worker_new");
  worker = made_worker.worker;
  MEASURE_CALL(temporal_core_worker_validate);
  MEASURE_CALL(temporal_static_libs_worker_ask_server);
  MEASURE(temporal_static_libs_worker_state);
  MEASURE(temporal_core_worker_replace_client);
  expect_none(fail, "replace_client");
  for (size_t i = 0; i < 3; i++) start(&poll_calls[i]);
  MEASURE(temporal_core_worker_poll_workflow_activation);
  MEASURE(temporal_core_worker_poll_activity_task);
  MEASURE(temporal_core_worker_poll_nexus_task);
  MEASURE_MESSAGES(temporal_core_worker_complete_workflow_activation, "completion.", true);
  MEASURE_MESSAGES(temporal_core_worker_complete_activity_task, "activity.", true);
  MEASURE_MESSAGES(temporal_core_worker_complete_nexus_task, "nexus.", true);
  MEASURE_MESSAGES(temporal_core_worker_record_activity_heartbeat, "heartbeat.", false);
  MEASURE(temporal_core_worker_request_workflow_eviction);
  MEASURE(temporal_static_libs_worker_state); /* it polls */

  pthread_mutex_lock(&reserve_mutex);
  while (reservation_count < 1) pthread_cond_wait(&reserve_changed, &reserve_mutex);
  pthread_mutex_unlock(&reserve_mutex);
  MEASURE(temporal_core_complete_async_reserve);
  /* The poller takes the slot and asks for another one, which the shutdown cancels. */
  pthread_mutex_lock(&reserve_mutex);
  while (reservation_count < 2) pthread_cond_wait(&reserve_changed, &reserve_mutex);
  pthread_mutex_unlock(&reserve_mutex);
  MEASURE(temporal_core_worker_initiate_shutdown);
  pthread_mutex_lock(&reserve_mutex);
  while (cancelled == NULL) pthread_cond_wait(&reserve_changed, &reserve_mutex);
  pthread_mutex_unlock(&reserve_mutex);
  MEASURE(temporal_core_complete_async_cancel_reserve);
  for (size_t i = 0; i < 3; i++) await(&poll_calls[i]);
  MEASURE_CALL(temporal_core_worker_finalize_shutdown);
  if (call.failed) fail_test("finalize_shutdown failed");
  MEASURE(temporal_core_worker_free);
  /* Freeing a polling worker does more. */
  made_worker = temporal_core_worker_new(connection, &options_of_worker);
  expect_none(made_worker.fail, "worker_new");
  worker = made_worker.worker;
  start(&poll_calls[0]);
  temporal_core_worker_poll_workflow_activation(worker, &poll_calls[0], on_poll);
  MEASURE(temporal_core_worker_free);
  await(&poll_calls[0]);
}

static void replay(void) {
  options_of_worker = worker_options("replay");
  MEASURE(temporal_core_worker_replayer_new);
  expect_none(made_replayer.fail, "replayer_new");
  MEASURE_MESSAGES(temporal_core_worker_replay_push, "history.", false);
  MEASURE(temporal_core_worker_replay_pusher_free);
  worker = made_replayer.worker;
  MEASURE(temporal_core_worker_free);
}

static void start_servers(const char *executable) {
  test_server_options.existing_path = ref("/bin/false");
  test_server_options.extra_args = ref("--one\n--two");
  test_server_options.sdk_name = ref("sdk");
  test_server_options.sdk_version = ref("1");
  MEASURE_CALL(temporal_core_ephemeral_server_start_test_server);
  if (!call.failed) fail_test("a server that ends at once was started");
  dev_server_options.test_server = &test_server_options;
  dev_server_options.namespace_ = ref("default");
  dev_server_options.log_level = ref("never");
  MEASURE_CALL(temporal_core_ephemeral_server_start_dev_server);
  if (!call.failed) fail_test("a server that ends at once was started");
  MEASURE_CALL(temporal_core_ephemeral_server_shutdown);
  MEASURE(temporal_core_ephemeral_server_free);
  if (executable != NULL) {
    memset(&test_server_options, 0, sizeof test_server_options);
    test_server_options.existing_path = ref(executable);
    MEASURE_CALL(temporal_core_ephemeral_server_start_dev_server);
    server = call.success;
    if (server == NULL) fail_test("the server did not start");
    MEASURE_CALL(temporal_core_ephemeral_server_shutdown);
    MEASURE(temporal_core_ephemeral_server_free);
  }
}

int main(int argc, char **argv) {
  if (argc < 6) fail_test("usage");
  painted = strcmp(argv[1], "painted") == 0;
  directory = argv[4];
  results = fopen(argv[5], "w");
  if (results == NULL) fail_test("the results");
  MEASURE(nothing);
  without_a_runtime();
  make_runtime(argv[2], argv[3]);
  use_metrics();
  connect_both_ways();
  use_a_queue();
  call_each_rpc();
  work();
  replay();
  start_servers(argc > 6 ? argv[6] : NULL);
  MEASURE(temporal_core_client_free);
  MEASURE(temporal_core_runtime_free);
  fclose(results);
  return 0;
}
