/* A host that forks: how calls of its child end, and that its own calls continue.
 *
 *     fork list                            the exports that `exports` calls in a child
 *     fork exports EXECUTABLE              each export in a separate child; starts that server
 *     fork in-flight ADDRESS TASK_QUEUE    the child frees everything while calls are in flight
 *     fork idle ADDRESS TASK_QUEUE         the same without calls in flight
 *     fork threads ADDRESS                 20 forks while 8 threads call
 *     fork logs ADDRESS                    which forwarder gets which logs
 *     fork in-log-callback ADDRESS         forks on a runtime's thread
 *     fork in-rpc-callback ADDRESS         the same
 *     fork again ADDRESS                   the child forks
 *     fork freed ADDRESS                   the runtime is freed before the fork, its connection is not
 *     fork queues ADDRESS                  20 forks while threads put events on a queue and take them
 *
 * Prints one line per result to stdout, separated by tabs. A child that hangs is ended by an
 * alarm after PATIENCE seconds. */

#include "host.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATIENCE = 2, DEADLINE = 20, CALLS = 100, THREADS = 8, FORKS = 20 };

typedef struct Handles {
  TemporalCoreRuntime *runtime;
  TemporalCoreConnection *connection;
  TemporalCoreWorker *worker;
  TemporalCoreWorker *replayer;
  TemporalCoreWorkerReplayPusher *pusher;
  TemporalCoreMetricMeter *meter;
  TemporalCoreMetric *counter, *float_gauge, *timer, *up_down;
  TemporalCoreMetricAttributes *attributes;
  TemporalCoreCancellationToken *token;
  TemporalCoreEphemeralServer *server;
  TemporalStaticLibsQueue *queue;
} Handles;

/* The handles of the process that forks first. */
static Handles of_parent;
static pid_t parent;

/* Set by the callbacks of a slot supplier: a waiting reservation, and one that core canceled. */
static _Atomic(const TemporalCoreSlotReserveCompletionCtx *) waiting, cancelled;

/* Calls to the parent's meter and forwarder in this process after the fork. */
static atomic_int records, logs;

/* The callbacks of a supplier that never gives a slot. */

static void on_reserve(const TemporalCoreSlotReserveCtx *ctx,
                       const TemporalCoreSlotReserveCompletionCtx *completion_ctx, void *data) {
  (void)ctx;
  (void)data;
  atomic_store(&waiting, completion_ctx);
}

static void on_cancel_reserve(const TemporalCoreSlotReserveCompletionCtx *completion_ctx,
                              void *data) {
  (void)data;
  atomic_store(&cancelled, completion_ctx);
}

static uintptr_t on_try_reserve(const TemporalCoreSlotReserveCtx *ctx, void *data) {
  (void)ctx;
  (void)data;
  return 0;
}

static void on_mark_used(const TemporalCoreSlotMarkUsedCtx *ctx, void *data) {
  (void)ctx;
  (void)data;
}

static void on_release(const TemporalCoreSlotReleaseCtx *ctx, void *data) {
  (void)ctx;
  (void)data;
}

static void on_supplier_free(const TemporalCoreCustomSlotSupplierCallbacks *supplier) {
  (void)supplier;
}

static const TemporalCoreCustomSlotSupplierCallbacks SUPPLIER = {
    .reserve = on_reserve,
    .cancel_reserve = on_cancel_reserve,
    .try_reserve = on_try_reserve,
    .mark_used = on_mark_used,
    .release = on_release,
    .free = on_supplier_free,
};

/* The callbacks of a meter that counts what it gets. */

static const void *on_metric_new(TemporalCoreByteArrayRef name, TemporalCoreByteArrayRef description,
                                 TemporalCoreByteArrayRef unit, TemporalCoreMetricKind kind) {
  (void)name;
  (void)description;
  (void)unit;
  (void)kind;
  return &records;
}

static void on_metric_free(const void *metric) { (void)metric; }

static void on_record(const void *metric, uint64_t value, const void *attributes) {
  (void)metric;
  (void)value;
  (void)attributes;
  atomic_fetch_add(&records, 1);
}

static void on_record_float(const void *metric, double value, const void *attributes) {
  (void)value;
  on_record(metric, 0, attributes);
}

static const void *on_attributes_new(const void *from, const TemporalCoreCustomMetricAttribute *data,
                                     size_t size) {
  (void)from;
  (void)data;
  (void)size;
  return &records;
}

static void on_attributes_free(const void *attributes) { (void)attributes; }

static void on_meter_free(const TemporalCoreCustomMetricMeter *meter) { (void)meter; }

static const TemporalCoreCustomMetricMeter METER = {
    .metric_new = on_metric_new,
    .metric_free = on_metric_free,
    .metric_record_integer = on_record,
    .metric_record_float = on_record_float,
    .metric_record_duration = on_record,
    .attributes_new = on_attributes_new,
    .attributes_free = on_attributes_free,
    .meter_free = on_meter_free,
};

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level;
  (void)log;
  atomic_fetch_add(&logs, 1);
}

/* Making handles */

static TemporalCoreRuntime *new_runtime(const char *filter, TemporalCoreForwardedLogCallback forward) {
  TemporalCoreLoggingOptions logging = {ref(filter), forward};
  TemporalCoreMetricsOptions metrics;
  TemporalCoreTelemetryOptions telemetry = {&logging, &metrics};
  TemporalCoreRuntimeOptions options;
  memset(&metrics, 0, sizeof metrics);
  memset(&options, 0, sizeof options);
  metrics.custom_meter = &METER;
  options.telemetry = &telemetry;
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  char text[TEXT] = "";
  take_text(text, made.fail);
  if (*text) give_up("runtime_new: %s", text);
  return made.runtime;
}

static TemporalCoreConnection *new_connection(TemporalCoreRuntime *runtime, const char *address) {
  char url[TEXT];
  Call call = NEW_CALL;
  snprintf(url, sizeof url, "http://%s", address);
  TemporalCoreConnectionOptions options = connection_options(url);
  temporal_core_client_connect(runtime, &options, &call, on_connect);
  if (wait_for(&call, DEADLINE) != SUCCEEDED) give_up("connect: %s", call.text);
  return call.connection;
}

static TemporalCoreWorker *new_worker(TemporalCoreConnection *connection, const char *task_queue,
                                      bool without_slots) {
  TemporalCoreWorkerOptions options = worker_options(task_queue);
  if (without_slots) {
    options.tuner.workflow_slot_supplier.tag = TemporalCoreSlotSupplier_Custom;
    options.tuner.workflow_slot_supplier.custom._0 = &SUPPLIER;
  }
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  char text[TEXT] = "";
  take_text(text, made.fail);
  if (made.worker == NULL) give_up("worker_new: %s", text);
  return made.worker;
}

static void await_reservation(_Atomic(const TemporalCoreSlotReserveCompletionCtx *) *place) {
  for (double began = now(); atomic_load(place) == NULL;) {
    if (now() > began + DEADLINE) give_up("no reservation");
    pause_millis(2);
  }
}

static TemporalCoreMetric *new_metric(const char *name, TemporalCoreMetricKind kind) {
  TemporalCoreMetricOptions options = {ref(name), ref(""), ref(""), kind};
  TemporalCoreMetric *metric = temporal_core_metric_new(of_parent.meter, &options);
  if (metric == NULL) give_up("no metric");
  return metric;
}

static TemporalCoreMetricAttribute an_attribute(void) {
  TemporalCoreMetricAttribute attribute;
  memset(&attribute, 0, sizeof attribute);
  attribute.key = ref("key");
  attribute.value.int_value = 1;
  attribute.value_type = TemporalCoreMetricAttributeValueType_Int;
  return attribute;
}

static TemporalCoreWorkerReplayerOrFail new_replayer(TemporalCoreRuntime *runtime) {
  TemporalCoreWorkerOptions options = worker_options("replay");
  options.task_types.enable_remote_activities = false;
  options.task_types.enable_local_activities = false;
  options.task_types.enable_nexus = false;
  return temporal_core_worker_replayer_new(runtime, &options);
}

/* Everything that a runtime and a connection can create. */
static void make_handles(const char *address, const char *task_queue) {
  TemporalCoreMetricAttribute attribute = an_attribute();
  of_parent.connection = new_connection(of_parent.runtime, address);
  of_parent.worker = new_worker(of_parent.connection, task_queue, false);
  TemporalCoreWorkerReplayerOrFail replay = new_replayer(of_parent.runtime);
  if (replay.fail != NULL) give_up("no replayer");
  of_parent.replayer = replay.worker;
  of_parent.pusher = replay.worker_replay_pusher;
  of_parent.meter = temporal_core_metric_meter_new(of_parent.runtime);
  of_parent.counter = new_metric("counter", TemporalCoreMetricKind_CounterInteger);
  of_parent.float_gauge = new_metric("gauge", TemporalCoreMetricKind_GaugeFloat);
  of_parent.timer = new_metric("timer", TemporalCoreMetricKind_HistogramDuration);
  of_parent.up_down = new_metric("up_down", TemporalCoreMetricKind_UpDownCounterInteger);
  of_parent.attributes = temporal_core_metric_attributes_new(of_parent.meter, &attribute, 1);
  of_parent.token = temporal_core_cancellation_token_new();
  of_parent.queue = temporal_static_libs_queue_new();
}

static void free_handles(Handles *handles, bool runtime_first) {
  if (runtime_first) temporal_core_runtime_free(handles->runtime);
  temporal_core_worker_replay_pusher_free(handles->pusher);
  temporal_core_worker_free(handles->replayer);
  temporal_core_worker_free(handles->worker);
  temporal_core_client_free(handles->connection);
  temporal_core_cancellation_token_free(handles->token);
  temporal_core_metric_attributes_free(handles->attributes);
  temporal_core_metric_free(handles->counter);
  temporal_core_metric_free(handles->float_gauge);
  temporal_core_metric_free(handles->timer);
  temporal_core_metric_free(handles->up_down);
  temporal_core_metric_meter_free(handles->meter);
  temporal_core_ephemeral_server_free(handles->server);
  temporal_static_libs_queue_free(handles->queue);
  if (!runtime_first) temporal_core_runtime_free(handles->runtime);
}

/* Calls */

static TemporalCoreRpcCallOptions rpc_options(const char *name) {
  TemporalCoreRpcCallOptions options;
  memset(&options, 0, sizeof options);
  options.service = TemporalCoreRpcService_Workflow;
  options.rpc = ref(name);
  options.timeout_millis = DEADLINE * 1000;
  return options;
}

/* Whether the server answers over a connection. */
static bool serves(TemporalCoreConnection *connection) {
  Call call = NEW_CALL;
  TemporalCoreRpcCallOptions options = rpc_options("GetSystemInfo");
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  if (wait_for(&call, DEADLINE) == SUCCEEDED) return true;
  fprintf(stderr, "GetSystemInfo: %u %s\n", call.status, call.text);
  return false;
}

/* Just enough protobuf: fields of bytes that are shorter than 128. */
typedef struct Bytes {
  uint8_t data[256];
  size_t size;
} Bytes;

static void add_bytes(Bytes *to, int field, const void *data, size_t size) {
  to->data[to->size++] = (uint8_t)(field << 3 | 2);
  to->data[to->size++] = (uint8_t)size;
  memcpy(to->data + to->size, data, size);
  to->size += size;
}

static void add_text(Bytes *to, int field, const char *text) {
  add_bytes(to, field, text, strlen(text));
}

static void add_named(Bytes *to, int field, const char *name) {
  Bytes named = {.size = 0};
  add_text(&named, 1, name);
  add_bytes(to, field, named.data, named.size);
}

static TemporalCoreByteArrayRef lent(const Bytes *bytes) {
  TemporalCoreByteArrayRef range = {bytes->data, bytes->size};
  return range;
}

static void start_poll_call(TemporalCoreConnection *connection, const char *task_queue, Call *call,
                            TemporalCoreCancellationToken *token) {
  Bytes *request = calloc(1, sizeof *request);
  TemporalCoreRpcCallOptions *options = calloc(1, sizeof *options);
  add_text(request, 1, "default");
  add_named(request, 2, task_queue);
  add_text(request, 3, "host");
  *options = rpc_options("PollWorkflowTaskQueue");
  options->req = lent(request);
  options->cancellation_token = token;
  temporal_core_client_rpc_call(connection, options, call, on_rpc);
}

static bool start_workflow(TemporalCoreConnection *connection, const char *task_queue, int number) {
  Call call = NEW_CALL;
  char id[TEXT];
  Bytes request = {.size = 0};
  TemporalCoreRpcCallOptions options = rpc_options("StartWorkflowExecution");
  snprintf(id, sizeof id, "%s-%d", task_queue, number);
  add_text(&request, 1, "default");
  add_text(&request, 2, id);
  add_named(&request, 3, "workflow");
  add_named(&request, 4, task_queue);
  add_text(&request, 10, id);
  options.req = lent(&request);
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  return wait_for(&call, DEADLINE) == SUCCEEDED;
}

/* Completes an activation from a poll: ends the workflow, or does nothing for an eviction. */
static bool complete_activation(TemporalCoreWorker *worker, const Call *polled, bool workflow) {
  Call call = NEW_CALL;
  Bytes completion = {.size = 0};
  /* The run's ID is the first field of both messages; then comes `successful`, which has one command. */
  static const uint8_t command[] = {0x0a, 2, 0x32, 0};
  if (polled->size < 2 || polled->bytes[0] != 0x0a) give_up("no activation");
  add_bytes(&completion, 1, polled->bytes + 2, polled->bytes[1]);
  add_bytes(&completion, 2, command, workflow ? sizeof command : 0);
  temporal_core_worker_complete_workflow_activation(worker, lent(&completion), &call, on_done);
  return wait_for(&call, DEADLINE) == SUCCEEDED;
}

typedef void (*Poll)(TemporalCoreWorker *, void *, TemporalCoreWorkerPollCallback);
static const Poll POLL[] = {
    temporal_core_worker_poll_workflow_activation,
    temporal_core_worker_poll_activity_task,
    temporal_core_worker_poll_nexus_task,
};

/* Shuts a worker down whose polls, if there are any, are in `polls`. */
static bool shut_down(TemporalCoreWorker *worker, Call *polls) {
  Call call = NEW_CALL;
  temporal_core_worker_initiate_shutdown(worker);
  for (int kind = 0; kind < 3; kind++) {
    Call own = NEW_CALL;
    Call *poll = polls != NULL ? &polls[kind] : &own;
    if (polls == NULL) POLL[kind](worker, poll, on_poll);
    while (wait_for(poll, DEADLINE) == SUCCEEDED && kind == 0) {
      if (!complete_activation(worker, poll, false)) return false;
      poll->end = WAITING;
      POLL[kind](worker, poll, on_poll);
    }
    if (poll->end != ENDED_WITHOUT_BOTH) return false;
  }
  temporal_core_worker_finalize_shutdown(worker, &call, on_done);
  return wait_for(&call, DEADLINE) == SUCCEEDED;
}

/* In a child */

typedef struct Answer {
  const char *how;
  char text[TEXT];
} Answer;

static void answer(Answer *to, const char *how) { to->how = how; }

static void answer_failure(Answer *to, const TemporalCoreByteArray *fail) {
  answer(to, fail != NULL ? "fail" : "nothing");
  take_text(to->text, fail);
}

static void answer_call(Answer *to, Call *call) {
  End end = wait_for(call, 1);
  answer(to, end == WAITING ? "no callback" : end == FAILED ? "fail" : "success");
  if (call->answers > 1) answer(to, "two callbacks");
  if (call->connection != NULL || call->server != NULL) answer(to, "success");
  strcpy(to->text, call->text);
}

static void nothing_done(Answer *to) {
  bool done = atomic_load(&records) != 0 || atomic_load(&logs) != 0;
  answer(to, done ? "did something" : "nothing");
}

#define CALL_OF(export, ...)    \
  static void do_##export(Answer *to) { \
    Call call = NEW_CALL;       \
    temporal_core_##export(__VA_ARGS__); \
    answer_call(to, &call);     \
  }

#define NOTHING_OF(export, ...)         \
  static void do_##export(Answer *to) { \
    temporal_core_##export(__VA_ARGS__); \
    nothing_done(to);                   \
  }

/* Made in the parent, given to the child. */
static const TemporalCoreByteArray *bytes_of_parent;
static TemporalCoreConnectionOptions connect_options;
static TemporalCoreTestServerOptions server_options;
static TemporalCoreDevServerOptions dev_server_options;
static TemporalCoreRpcCallOptions call_options;
static TemporalCoreByteArrayRef empty;
static TemporalCoreMetadataRef no_metadata;
static char address_of_server[TEXT];

CALL_OF(client_connect, of_parent.runtime, &connect_options, &call, on_connect)

static void do_static_libs_client_connect(Answer *to) {
  Call call = NEW_CALL;
  temporal_static_libs_client_connect(of_parent.runtime, &connect_options, NULL, &call, on_connect);
  answer_call(to, &call);
}

CALL_OF(ephemeral_server_start_dev_server, of_parent.runtime, &dev_server_options, &call, on_server)
CALL_OF(ephemeral_server_start_test_server, of_parent.runtime, &server_options, &call, on_server)
CALL_OF(ephemeral_server_shutdown, of_parent.server, &call, on_done)
CALL_OF(client_rpc_call, of_parent.connection, &call_options, &call, on_rpc)
CALL_OF(worker_validate, of_parent.worker, &call, on_done)
CALL_OF(worker_poll_workflow_activation, of_parent.worker, &call, on_poll)
CALL_OF(worker_poll_activity_task, of_parent.worker, &call, on_poll)
CALL_OF(worker_poll_nexus_task, of_parent.worker, &call, on_poll)
CALL_OF(worker_complete_workflow_activation, of_parent.worker, empty, &call, on_done)
CALL_OF(worker_complete_activity_task, of_parent.worker, empty, &call, on_done)
CALL_OF(worker_complete_nexus_task, of_parent.worker, empty, &call, on_done)
CALL_OF(worker_finalize_shutdown, of_parent.worker, &call, on_done)

NOTHING_OF(byte_array_free, of_parent.runtime, bytes_of_parent)
NOTHING_OF(cancellation_token_cancel, of_parent.token)
NOTHING_OF(cancellation_token_free, of_parent.token)
NOTHING_OF(client_free, of_parent.connection)
NOTHING_OF(client_update_metadata, of_parent.connection, no_metadata)
NOTHING_OF(client_update_binary_metadata, of_parent.connection, no_metadata)
NOTHING_OF(client_update_api_key, of_parent.connection, ref("key"))
NOTHING_OF(ephemeral_server_free, of_parent.server)
NOTHING_OF(metric_meter_free, of_parent.meter)
NOTHING_OF(metric_attributes_free, of_parent.attributes)
NOTHING_OF(metric_free, of_parent.counter)
NOTHING_OF(metric_record_integer, of_parent.counter, 1, of_parent.attributes)
NOTHING_OF(metric_record_integer_signed, of_parent.up_down, -1, of_parent.attributes)
NOTHING_OF(metric_record_float, of_parent.float_gauge, 1, of_parent.attributes)
NOTHING_OF(metric_record_duration, of_parent.timer, 1, of_parent.attributes)
NOTHING_OF(runtime_free, of_parent.runtime)
NOTHING_OF(worker_free, of_parent.worker)
NOTHING_OF(worker_initiate_shutdown, of_parent.worker)
NOTHING_OF(worker_replay_pusher_free, of_parent.pusher)
NOTHING_OF(worker_request_workflow_eviction, of_parent.worker, ref("run"))

static void do_complete_async_reserve(Answer *to) {
  answer(to, temporal_core_complete_async_reserve(atomic_load(&waiting), 1) ? "true" : "false");
}

static void do_complete_async_cancel_reserve(Answer *to) {
  answer(to, temporal_core_complete_async_cancel_reserve(atomic_load(&cancelled)) ? "true" : "false");
}

static void do_metric_meter_new(Answer *to) {
  answer(to, temporal_core_metric_meter_new(of_parent.runtime) == NULL ? "NULL" : "success");
}

static void do_metric_attributes_new(Answer *to) {
  TemporalCoreMetricAttribute attribute = an_attribute();
  answer(to, temporal_core_metric_attributes_new(of_parent.meter, &attribute, 1) == NULL ? "NULL"
                                                                                          : "success");
}

static void do_metric_attributes_new_append(Answer *to) {
  TemporalCoreMetricAttribute attribute = an_attribute();
  TemporalCoreMetricAttributes *made = temporal_core_metric_attributes_new_append(
      of_parent.meter, of_parent.attributes, &attribute, 1);
  answer(to, made == NULL ? "NULL" : "success");
}

static void do_metric_new(Answer *to) {
  TemporalCoreMetricOptions options = {ref("new"), ref(""), ref(""),
                                       TemporalCoreMetricKind_CounterInteger};
  answer(to, temporal_core_metric_new(of_parent.meter, &options) == NULL ? "NULL" : "success");
}

static void do_worker_new(Answer *to) {
  TemporalCoreWorkerOptions options = worker_options("fork-child");
  answer_failure(to, temporal_core_worker_new(of_parent.connection, &options).fail);
}

static void do_worker_replayer_new(Answer *to) {
  answer_failure(to, new_replayer(of_parent.runtime).fail);
}

static void do_worker_replay_push(Answer *to) {
  answer_failure(
      to, temporal_core_worker_replay_push(of_parent.replayer, of_parent.pusher, ref("id"), empty).fail);
}

static void do_worker_replace_client(Answer *to) {
  answer_failure(to, temporal_core_worker_replace_client(of_parent.worker, of_parent.connection));
}

static void do_worker_record_activity_heartbeat(Answer *to) {
  answer_failure(to, temporal_core_worker_record_activity_heartbeat(of_parent.worker, empty));
}

/* This project's additions */

static void *tag_of_parent;
static TemporalStaticLibsEvent event_of_parent;

static void do_queue_free(Answer *to) {
  temporal_static_libs_queue_free(of_parent.queue);
  nothing_done(to);
}

static void do_queue_tag(Answer *to) {
  answer(to, temporal_static_libs_queue_tag(of_parent.queue, 1) == NULL ? "NULL" : "success");
}

static void do_queue_descriptor(Answer *to) {
  answer(to, temporal_static_libs_queue_descriptor(of_parent.queue) == -1 ? "-1" : "success");
}

static void answer_event(Answer *to, bool is_there, TemporalStaticLibsEvent *event) {
  answer(to, is_there ? "an event" : "no event");
  if (!is_there || event->kind != TemporalStaticLibsEventKind_Unusable) return;
  answer_failure(to, event->fail);
  event->fail = NULL;
  temporal_static_libs_event_free(event);
}

static void do_queue_next(Answer *to) {
  TemporalStaticLibsEvent event = {.size = sizeof event};
  answer_event(to, temporal_static_libs_queue_next(of_parent.queue, -1, &event), &event);
}

static void do_queue_try_next(Answer *to) {
  TemporalStaticLibsEvent event = {.size = sizeof event};
  answer_event(to, temporal_static_libs_queue_try_next(of_parent.queue, &event), &event);
}

static void do_on_client_connect(Answer *to) {
  temporal_static_libs_on_client_connect(tag_of_parent, of_parent.connection, NULL);
  nothing_done(to);
}

static void do_on_ephemeral_server_start(Answer *to) {
  temporal_static_libs_on_ephemeral_server_start(tag_of_parent, of_parent.server, NULL, NULL);
  nothing_done(to);
}

static void do_worker_state(Answer *to) {
  TemporalStaticLibsWorkerStateOrFail state = temporal_static_libs_worker_state(of_parent.worker);
  answer_failure(to, state.fail);
  if (state.state != NULL) answer(to, "success");
}

static void do_worker_ask_server(Answer *to) {
  Call call = NEW_CALL;
  temporal_static_libs_worker_ask_server(of_parent.worker, &call, on_poll);
  answer_call(to, &call);
}

/* Handles of the parent together with some of the child's. */

static void child_token(Answer *to) {
  Call call = NEW_CALL;
  TemporalCoreConnection *connection =
      new_connection(new_runtime("error", on_log), address_of_server);
  TemporalCoreRpcCallOptions options = rpc_options("GetSystemInfo");
  options.cancellation_token = of_parent.token;
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  answer_call(to, &call);
}

static void child_connect(Answer *to) {
  Call call = NEW_CALL;
  TemporalStaticLibsConnectOptions extra = {
      .size = sizeof extra, .timeout_millis = 1000, .cancellation_token = of_parent.token};
  temporal_static_libs_client_connect(new_runtime("error", on_log), &connect_options, &extra, &call,
                                      on_connect);
  answer_call(to, &call);
}

static void child_requests(Answer *to) {
  Call call = NEW_CALL;
  TemporalStaticLibsConnectOptions extra = {
      .size = sizeof extra, .grpc_override_queue = of_parent.queue};
  temporal_static_libs_client_connect(new_runtime("error", on_log), &connect_options, &extra, &call,
                                      on_connect);
  answer_call(to, &call);
}

static void child_logs(Answer *to) {
  TemporalCoreRuntimeOptions options;
  TemporalStaticLibsRuntimeOptions extra = {.size = sizeof extra, .log_queue = of_parent.queue};
  memset(&options, 0, sizeof options);
  TemporalCoreRuntimeOrFail made = temporal_static_libs_runtime_new(&options, &extra);
  answer_failure(to, made.fail);
  temporal_core_runtime_free(made.runtime);
}

/* The call has the child's runtime, but its result is for the parent: nobody gets it. */
static void child_result(Answer *to) {
  temporal_static_libs_on_worker(tag_of_parent, NULL);
  nothing_done(to);
}

static void child_event(Answer *to) {
  temporal_static_libs_event_free(&event_of_parent);
  nothing_done(to);
}

static void child_worker(Answer *to) {
  TemporalCoreConnection *connection =
      new_connection(new_runtime("error", on_log), address_of_server);
  TemporalCoreWorker *worker = new_worker(connection, "fork-child", false);
  answer_failure(to, temporal_core_worker_replace_client(worker, of_parent.connection));
}

static void child_replayer(Answer *to) {
  TemporalCoreWorker *replayer = new_replayer(new_runtime("error", on_log)).worker;
  answer_failure(to,
                 temporal_core_worker_replay_push(replayer, of_parent.pusher, ref("id"), empty).fail);
}

static void child_bytes(Answer *to) {
  TemporalCoreByteArrayRef bad = {NULL, 1};
  TemporalCoreClientEnvConfigLoadOptions options;
  memset(&options, 0, sizeof options);
  options.path = bad;
  const TemporalCoreByteArray *fail = temporal_core_client_env_config_load(&options).fail;
  if (fail == NULL) give_up("no bytes");
  temporal_core_byte_array_free(of_parent.runtime, fail);
  nothing_done(to);
}

/* Only memory: the copy continues where the parent's was. */
static TemporalCoreRandom *random_of_parent;
static int32_t next_of_parent;

static void child_random(Answer *to) {
  int32_t drawn = temporal_core_random_int32_range(random_of_parent, 0, 1000000, false);
  temporal_core_random_free(random_of_parent);
  answer(to, drawn == next_of_parent ? "the same" : "another");
}

typedef struct Row {
  const char *name;
  void (*run)(Answer *);
} Row;

#define EXPORT(name) {"temporal_core_" #name, do_##name}
#define OWN_EXPORT(name) {"temporal_static_libs_" #name, do_##name}

static const Row EXPORTS[] = {
    EXPORT(byte_array_free),
    EXPORT(cancellation_token_cancel),
    EXPORT(cancellation_token_free),
    EXPORT(client_connect),
    EXPORT(client_free),
    EXPORT(client_rpc_call),
    EXPORT(client_update_api_key),
    EXPORT(client_update_binary_metadata),
    EXPORT(client_update_metadata),
    EXPORT(complete_async_cancel_reserve),
    EXPORT(complete_async_reserve),
    EXPORT(ephemeral_server_free),
    EXPORT(ephemeral_server_shutdown),
    EXPORT(ephemeral_server_start_dev_server),
    EXPORT(ephemeral_server_start_test_server),
    EXPORT(metric_attributes_free),
    EXPORT(metric_attributes_new),
    EXPORT(metric_attributes_new_append),
    EXPORT(metric_free),
    EXPORT(metric_meter_free),
    EXPORT(metric_meter_new),
    EXPORT(metric_new),
    EXPORT(metric_record_duration),
    EXPORT(metric_record_float),
    EXPORT(metric_record_integer),
    EXPORT(metric_record_integer_signed),
    EXPORT(runtime_free),
    EXPORT(worker_complete_activity_task),
    EXPORT(worker_complete_nexus_task),
    EXPORT(worker_complete_workflow_activation),
    EXPORT(worker_finalize_shutdown),
    EXPORT(worker_free),
    EXPORT(worker_initiate_shutdown),
    EXPORT(worker_new),
    EXPORT(worker_poll_activity_task),
    EXPORT(worker_poll_nexus_task),
    EXPORT(worker_poll_workflow_activation),
    EXPORT(worker_record_activity_heartbeat),
    EXPORT(worker_replace_client),
    EXPORT(worker_replay_push),
    EXPORT(worker_replay_pusher_free),
    EXPORT(worker_replayer_new),
    EXPORT(worker_request_workflow_eviction),
    EXPORT(worker_validate),
    {"temporal_static_libs_client_connect", do_static_libs_client_connect},
    OWN_EXPORT(on_client_connect),
    OWN_EXPORT(on_ephemeral_server_start),
    OWN_EXPORT(queue_descriptor),
    OWN_EXPORT(queue_free),
    OWN_EXPORT(queue_next),
    OWN_EXPORT(queue_tag),
    OWN_EXPORT(queue_try_next),
    OWN_EXPORT(worker_ask_server),
    OWN_EXPORT(worker_state),
};
enum { EXPORT_COUNT = sizeof EXPORTS / sizeof *EXPORTS };

static const Row MIXED[] = {
    {"token in the child's call", child_token},
    {"token for the child's connection", child_connect},
    {"queue for requests of the child", child_requests},
    {"queue for logs of the child", child_logs},
    {"tag for the child's result", child_result},
    {"the parent's event", child_event},
    {"connection for the child's worker", child_worker},
    {"pusher for the child's replayer", child_replayer},
    {"runtime for the child's bytes", child_bytes},
    {"the parent's random numbers", child_random},
};
enum { MIXED_COUNT = sizeof MIXED / sizeof *MIXED };

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  fflush(stdout);
}

static pid_t fork_child(void) {
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) give_up("fork: %s", strerror(errno));
  if (child == 0) {
    atomic_store(&records, 0);
    atomic_store(&logs, 0);
    alarm(PATIENCE);
  }
  return child;
}

/* How a child ended: its exit status, or the negative of the signal that ended it. */
static int ended(pid_t child) {
  int status;
  if (waitpid(child, &status, 0) != child) give_up("waitpid: %s", strerror(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void run_row(const Row *row) {
  pid_t child = fork_child();
  if (child == 0) {
    Answer given = {"nothing", ""};
    double began = now();
    row->run(&given);
    say("%s\t%.0f\t%s\t%s\n", row->name, (now() - began) * 1000, given.how, given.text);
    exit(0);
  }
  int status = ended(child);
  if (status != 0) say("%s\t%d\tended\t%d\n", row->name, PATIENCE * 1000, status);
}

static void parent_says(const char *what, bool holds) {
  say("parent: %s\t0\t%s\t\n", what, holds ? "holds" : "does not hold");
}

static bool is_readable(TemporalStaticLibsQueue *queue) {
  struct pollfd waited = {temporal_static_libs_queue_descriptor(queue), POLLIN, 0};
  return poll(&waited, 1, 0) == 1;
}

static void put(TemporalStaticLibsQueue *queue, uint64_t tag) {
  temporal_static_libs_on_worker(temporal_static_libs_queue_tag(queue, tag), NULL);
}

/* Whether this is the only event that waits. */
static bool has_only(TemporalStaticLibsQueue *queue, uint64_t tag) {
  TemporalStaticLibsEvent event = {.size = sizeof event}, other = {.size = sizeof other};
  return is_readable(queue) && temporal_static_libs_queue_try_next(queue, &event) &&
         event.kind == TemporalStaticLibsEventKind_Worker && event.tag == tag &&
         !temporal_static_libs_queue_try_next(queue, &other) && !is_readable(queue);
}

static void exports(const char *executable) {
  of_parent.runtime = new_runtime("error", on_log);
  server_options.existing_path = ref(executable);
  server_options.sdk_name = ref("host");
  server_options.sdk_version = ref("1");
  dev_server_options.test_server = &server_options;
  dev_server_options.namespace_ = ref("default");
  dev_server_options.ip = ref("127.0.0.1");
  dev_server_options.log_format = ref("pretty");
  dev_server_options.log_level = ref("error");
  Call started = NEW_CALL, in_flight = NEW_CALL, polled = NEW_CALL, ended_server = NEW_CALL;
  temporal_core_ephemeral_server_start_dev_server(of_parent.runtime, &dev_server_options, &started,
                                                  on_server);
  if (wait_for(&started, 120) != SUCCEEDED) give_up("no server: %s", started.text);
  of_parent.server = started.server;
  strcpy(address_of_server, started.text);
  make_handles(address_of_server, "fork-exports");
  connect_options = connection_options("http://127.0.0.1:9");
  call_options = rpc_options("GetSystemInfo");

  TemporalCoreWorker *starved = new_worker(of_parent.connection, "fork-starved", true);
  Call starved_poll = NEW_CALL;
  POLL[0](starved, &starved_poll, on_poll);
  await_reservation(&waiting);
  temporal_core_worker_free(starved);
  await_reservation(&cancelled);
  atomic_store(&waiting, NULL);
  starved = new_worker(of_parent.connection, "fork-starved-too", true);
  Call starved_polls[3] = {NEW_CALL, NEW_CALL, NEW_CALL};
  for (int kind = 0; kind < 3; kind++) POLL[kind](starved, &starved_polls[kind], on_poll);
  await_reservation(&waiting);
  const TemporalCoreSlotReserveCompletionCtx *reservation = atomic_load(&waiting);
  POLL[1](of_parent.worker, &polled, on_poll);
  start_poll_call(of_parent.connection, "fork-nobody", &in_flight, of_parent.token);

  TemporalCoreByteArrayRef bad = {NULL, 1};
  TemporalCoreClientEnvConfigLoadOptions bad_options;
  memset(&bad_options, 0, sizeof bad_options);
  bad_options.path = bad;
  bytes_of_parent = temporal_core_client_env_config_load(&bad_options).fail;
  random_of_parent = temporal_core_random_new(7);
  TemporalCoreRandom *equal = temporal_core_random_new(7);
  next_of_parent = temporal_core_random_int32_range(equal, 0, 1000000, false);
  temporal_core_random_free(equal);
  TemporalStaticLibsQueue *others = temporal_static_libs_queue_new();
  event_of_parent.size = sizeof event_of_parent;
  temporal_core_client_connect(of_parent.runtime, &connect_options,
                               temporal_static_libs_queue_tag(others, 1),
                               temporal_static_libs_on_client_connect);
  if (!temporal_static_libs_queue_next(others, DEADLINE * 1000, &event_of_parent))
    give_up("no event");
  event_of_parent.connection = new_connection(of_parent.runtime, address_of_server);
  put(of_parent.queue, 7);
  if (!is_readable(of_parent.queue)) give_up("an event that cannot be waited for");
  tag_of_parent = temporal_static_libs_queue_tag(of_parent.queue, 8);
  pause_millis(200);

  for (int row = 0; row < EXPORT_COUNT; row++) run_row(&EXPORTS[row]);
  for (int row = 0; row < MIXED_COUNT; row++) run_row(&MIXED[row]);

  parent_says("the server serves", serves(of_parent.connection));
  parent_says("its queue has one event", has_only(of_parent.queue, 7));
  temporal_static_libs_on_worker(tag_of_parent, NULL);
  parent_says("its tag is for its queue", has_only(of_parent.queue, 8));
  parent_says("its event has a connection that serves",
              event_of_parent.fail != NULL && serves(event_of_parent.connection));
  temporal_static_libs_event_free(&event_of_parent);
  temporal_static_libs_queue_free(others);
  parent_says("its call is not cancelled", in_flight.end == WAITING);
  temporal_core_cancellation_token_cancel(of_parent.token);
  parent_says("its token cancels", wait_for(&in_flight, DEADLINE) == FAILED &&
                                       strcmp(in_flight.text, "Cancelled") == 0);
  int before = atomic_load(&records);
  temporal_core_metric_record_integer(of_parent.counter, 1, of_parent.attributes);
  parent_says("its metrics record", atomic_load(&records) > before);
  parent_says("its reservation waits", temporal_core_complete_async_reserve(reservation, 1));
  parent_says("its cancellation is not confirmed",
              temporal_core_complete_async_cancel_reserve(atomic_load(&cancelled)));
  parent_says("its random numbers go on",
              temporal_core_random_int32_range(random_of_parent, 0, 1000000, false) == next_of_parent);
  temporal_core_random_free(random_of_parent);
  parent_says("its poll waits", polled.end == WAITING);
  Call polls[3] = {NEW_CALL, NEW_CALL, NEW_CALL};
  POLL[0](of_parent.worker, &polls[0], on_poll);
  POLL[2](of_parent.worker, &polls[2], on_poll);
  temporal_core_worker_initiate_shutdown(of_parent.worker);
  bool drained = wait_for(&polled, DEADLINE) == ENDED_WITHOUT_BOTH;
  polls[1] = polled;
  parent_says("its worker shuts down", drained && shut_down(of_parent.worker, polls));
  temporal_core_worker_free(starved);
  temporal_core_ephemeral_server_shutdown(of_parent.server, &ended_server, on_done);
  parent_says("its server shuts down", wait_for(&ended_server, DEADLINE) == SUCCEEDED);
  free_handles(&of_parent, false);
}

/* Open files, by their targets. */
static int descriptors(void) {
  int count = 0;
  for (int descriptor = 0; descriptor < 1024; descriptor++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    count += readlink(path, target, sizeof target) >= 0;
  }
  return count;
}

/* A runtime that would export its metrics at its end and wait for that. */
static TemporalCoreRuntime *new_exporting_runtime(void) {
  TemporalCoreOpenTelemetryOptions collector;
  TemporalCoreMetricsOptions metrics;
  TemporalCoreTelemetryOptions telemetry = {NULL, &metrics};
  TemporalCoreRuntimeOptions options;
  memset(&collector, 0, sizeof collector);
  memset(&metrics, 0, sizeof metrics);
  memset(&options, 0, sizeof options);
  collector.url = ref("http://127.0.0.1:9");
  collector.metric_temporality = TemporalCoreOpenTelemetryMetricTemporality_Cumulative;
  collector.protocol = TemporalCoreOpenTelemetryProtocol_Grpc;
  metrics.opentelemetry = &collector;
  options.telemetry = &telemetry;
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  if (made.fail != NULL) give_up("no runtime that exports");
  return made.runtime;
}

static TemporalCoreRuntime *exporting;

/* The child frees everything and exits normally. */
static void free_in_child(bool runtime_first) {
  pid_t child = fork_child();
  if (child == 0) {
    int before = descriptors();
    double began = now();
    free_handles(&of_parent, runtime_first);
    temporal_core_runtime_free(exporting);
    say("freed in time\t%d\n", now() - began < 1);
    say("descriptors fewer\t%d\n", before - descriptors());
    exit(0);
  }
  say("child\t%d\n", ended(child));
}

/* Whether a worker with waiting polls of all three kinds completes a workflow. */
static void run_workflow(const char *task_queue, Call *polls) {
  if (!start_workflow(of_parent.connection, task_queue, 0)) give_up("no workflow");
  bool activated = wait_for(&polls[0], DEADLINE) == SUCCEEDED;
  say("workflow activated\t%d\n", activated);
  say("workflow completed\t%d\n", activated && complete_activation(of_parent.worker, &polls[0], true));
  polls[0].end = WAITING;
  POLL[0](of_parent.worker, &polls[0], on_poll);
  say("worker shut down\t%d\n", shut_down(of_parent.worker, polls));
}

static void idle(const char *address, const char *task_queue) {
  static Call polls[3];
  of_parent.runtime = new_runtime("error", on_log);
  make_handles(address, task_queue);
  exporting = new_exporting_runtime();
  for (int runtime_first = 0; runtime_first < 2; runtime_first++) free_in_child(runtime_first);
  temporal_core_runtime_free(exporting);
  say("served afterwards\t%d\n", serves(of_parent.connection));
  for (int kind = 0; kind < 3; kind++) POLL[kind](of_parent.worker, &polls[kind], on_poll);
  run_workflow(task_queue, polls);
  free_handles(&of_parent, false);
}

static void in_flight(const char *address, const char *task_queue) {
  static Call calls[CALLS], polls[3];
  char raw_queue[TEXT];
  snprintf(raw_queue, sizeof raw_queue, "%s-raw", task_queue);
  of_parent.runtime = new_runtime("error", on_log);
  make_handles(address, task_queue);
  for (int kind = 0; kind < 3; kind++) POLL[kind](of_parent.worker, &polls[kind], on_poll);
  for (int i = 0; i < CALLS; i++) start_poll_call(of_parent.connection, raw_queue, &calls[i], NULL);
  pause_millis(500);

  for (int runtime_first = 0; runtime_first < 2; runtime_first++) free_in_child(runtime_first);
  int waited = 0, answered_with_task = 0;
  for (int i = 0; i < CALLS; i++) waited += calls[i].end == WAITING;
  say("calls in flight\t%d\n", waited);
  for (int i = 0; i < CALLS; i++) {
    if (!start_workflow(of_parent.connection, raw_queue, i)) give_up("no workflow");
  }
  for (int i = 0; i < CALLS; i++) {
    /* A task's token is the first field. */
    if (wait_for(&calls[i], DEADLINE) == SUCCEEDED && calls[i].size > 0 && calls[i].bytes[0] == 0x0a)
      answered_with_task += calls[i].answers == 1;
  }
  say("calls answered\t%d\n", answered_with_task);
  say("polls waiting\t%d\n",
      (polls[0].end == WAITING) + (polls[1].end == WAITING) + (polls[2].end == WAITING));
  run_workflow(task_queue, polls);
  free_handles(&of_parent, false);
}

/* A whole life of a runtime, its connection and its worker. */
static const char *live(const char *address) {
  TemporalCoreRuntime *runtime = new_runtime("error", on_log);
  TemporalCoreConnection *connection = new_connection(runtime, address);
  if (!serves(connection)) return "no answer";
  char task_queue[TEXT];
  snprintf(task_queue, sizeof task_queue, "fork-%d", getpid());
  TemporalCoreWorker *worker = new_worker(connection, task_queue, false);
  if (!start_workflow(connection, task_queue, 0)) return "no workflow";
  Call polls[3] = {NEW_CALL, NEW_CALL, NEW_CALL};
  for (int kind = 0; kind < 3; kind++) POLL[kind](worker, &polls[kind], on_poll);
  if (wait_for(&polls[0], DEADLINE) != SUCCEEDED) return "no activation";
  if (!complete_activation(worker, &polls[0], true)) return "no completion";
  polls[0].end = WAITING;
  POLL[0](worker, &polls[0], on_poll);
  if (!shut_down(worker, polls)) return "no shutdown";
  temporal_core_worker_free(worker);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  return "works";
}

/* Whether a call on a connection from before the fork fails with that message. */
static bool is_refused(TemporalCoreConnection *connection) {
  static const char refusal[] = "client was made before fork";
  Call call = NEW_CALL;
  TemporalCoreRpcCallOptions options = rpc_options("GetSystemInfo");
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  size_t size = strlen(call.text);
  return wait_for(&call, 1) == FAILED && size >= strlen(refusal) &&
         strcmp(call.text + size - strlen(refusal), refusal) == 0;
}

/* What a child does; its exit status is 0 if everything was right. */
static void child_life(const char *address, bool free_all) {
  if (!is_refused(of_parent.connection)) exit(1);
  if (free_all) free_handles(&of_parent, getpid() % 2 == 0);
  alarm(DEADLINE);
  if (address != NULL && strcmp(live(address), "works") != 0) exit(2);
  if (atomic_load(&records) == 0 && address != NULL) exit(3);
  exit(0);
}

static atomic_bool stop;
static atomic_int good_calls, bad_calls;

/* Calls as fast as the server allows, along with functions that take the library's locks. */
static void *call_on(void *connection) {
  while (!atomic_load(&stop)) {
    Call call = NEW_CALL;
    TemporalCoreRpcCallOptions options = rpc_options("GetSystemInfo");
    TemporalCoreCancellationToken *token = temporal_core_cancellation_token_new();
    options.cancellation_token = token;
    temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
    for (double began = now(); now() < began + 0.02;) {
      temporal_core_client_update_metadata(connection, no_metadata);
      temporal_core_metric_record_integer(of_parent.counter, 1, of_parent.attributes);
      temporal_core_worker_request_workflow_eviction(of_parent.worker, ref("run"));
    }
    atomic_fetch_add(wait_for(&call, DEADLINE) == SUCCEEDED ? &good_calls : &bad_calls, 1);
    temporal_core_cancellation_token_free(token);
  }
  return NULL;
}

static void threads(const char *address) {
  pthread_t callers[THREADS];
  of_parent.runtime = new_runtime("debug", on_log);
  make_handles(address, "fork-threads");
  for (int i = 0; i < THREADS; i++)
    pthread_create(&callers[i], NULL, call_on, of_parent.connection);
  for (int i = 0; i < FORKS; i++) {
    pause_millis(5);
    pid_t child = fork_child();
    if (child == 0) child_life(i % 2 == 0 ? address : NULL, true);
    say("child\t%d\n", ended(child));
  }
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++) pthread_join(callers[i], NULL);
  say("some calls\t%d\n", atomic_load(&good_calls) >= THREADS);
  say("failed calls\t%d\n", atomic_load(&bad_calls));
  free_handles(&of_parent, false);
}

static atomic_int own_logs;

static void on_own_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level;
  (void)log;
  atomic_fetch_add(&own_logs, 1);
}

/* Starting a worker's shutdown logs on the caller's thread. */
static void forwarded_logs(const char *address) {
  of_parent.runtime = new_runtime("info", on_log);
  make_handles(address, "fork-logs");
  pid_t child = fork_child();
  if (child == 0) {
    temporal_core_worker_initiate_shutdown(of_parent.worker);
    temporal_core_worker_request_workflow_eviction(of_parent.worker, ref("run"));
    temporal_core_metric_record_float(of_parent.counter, 1, of_parent.attributes);
    say("of the parent's handles, in the child\t%d\n", atomic_load(&logs));
    TemporalCoreRuntime *runtime = new_runtime("info", on_own_log);
    TemporalCoreConnection *connection = new_connection(runtime, address);
    TemporalCoreWorker *worker = new_worker(connection, "fork-logs", false);
    temporal_core_worker_initiate_shutdown(worker);
    say("of the child's handles, some\t%d\n", atomic_load(&own_logs) > 0);
    temporal_core_worker_free(worker);
    temporal_core_client_free(connection);
    temporal_core_runtime_free(runtime);
    free_handles(&of_parent, false);
    say("all that the parent's forwarder got in the child\t%d\n", atomic_load(&logs));
    exit(0);
  }
  say("child\t%d\n", ended(child));
  int before = atomic_load(&logs);
  temporal_core_worker_initiate_shutdown(of_parent.worker);
  say("of the parent's handles, in the parent, some\t%d\n", atomic_load(&logs) > before);
  free_handles(&of_parent, false);
}

static const char *server_address;
static atomic_int forked_inside;

static void fork_inside(void) {
  int not_yet = 0;
  if (syscall(SYS_gettid) == parent) return;
  if (!atomic_compare_exchange_strong(&forked_inside, &not_yet, 1)) return;
  pid_t child = fork_child();
  if (child == 0) child_life(server_address, true);
  say("child\t%d\n", ended(child));
  atomic_store(&forked_inside, 2);
}

static void on_log_fork(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  on_log(level, log);
  if (of_parent.token != NULL) fork_inside();
}

static void on_rpc_fork(void *call, const TemporalCoreByteArray *success, uint32_t status,
                        const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  fork_inside();
  on_rpc(call, success, status, message, details);
}

static void in_callback(const char *address, bool in_log) {
  server_address = address;
  of_parent.runtime = new_runtime("trace", in_log ? on_log_fork : on_log);
  make_handles(address, "fork-callback");
  for (double began = now(); atomic_load(&forked_inside) != 2 && now() < began + DEADLINE;) {
    Call call = NEW_CALL;
    TemporalCoreRpcCallOptions options = rpc_options("GetSystemInfo");
    temporal_core_client_rpc_call(of_parent.connection, &options, &call, in_log ? on_rpc : on_rpc_fork);
    if (wait_for(&call, DEADLINE) != SUCCEEDED) say("call failed\t%s\n", call.text);
  }
  say("forked inside\t%d\n", atomic_load(&forked_inside) == 2);
  say("served afterwards\t%d\n", serves(of_parent.connection));
  free_handles(&of_parent, false);
}

static void again(const char *address) {
  of_parent.runtime = new_runtime("error", on_log);
  make_handles(address, "fork-again");
  pid_t child = fork_child();
  if (child == 0) {
    alarm(DEADLINE);
    bool refused = is_refused(of_parent.connection);
    TemporalCoreRuntime *runtime = new_runtime("error", on_log);
    TemporalCoreConnection *connection = new_connection(runtime, address);
    pid_t grandchild = fork_child();
    if (grandchild == 0) {
      if (!is_refused(connection)) exit(4);
      temporal_core_client_free(connection);
      temporal_core_runtime_free(runtime);
      child_life(address, true);
    }
    say("grandchild\t%d\n", ended(grandchild));
    say("refused in the child\t%d\n", refused);
    say("served in the child\t%d\n", serves(connection));
    say("refused in the child afterwards\t%d\n", is_refused(of_parent.connection));
    temporal_core_client_free(connection);
    temporal_core_runtime_free(runtime);
    free_handles(&of_parent, false);
    exit(0);
  }
  say("child\t%d\n", ended(child));
  say("served in the parent\t%d\n", serves(of_parent.connection));
  free_handles(&of_parent, false);
}

static void freed(const char *address) {
  of_parent.runtime = new_runtime("error", on_log);
  make_handles(address, "fork-freed");
  temporal_core_runtime_free(of_parent.runtime);
  of_parent.runtime = NULL;
  pid_t child = fork_child();
  if (child == 0) child_life(address, true);
  say("child\t%d\n", ended(child));
  say("served in the parent\t%d\n", serves(of_parent.connection));
  free_handles(&of_parent, false);
  child = fork_child();
  if (child == 0) {
    alarm(DEADLINE);
    exit(strcmp(live(address), "works") == 0 ? 0 : 2);
  }
  say("child of nothing\t%d\n", ended(child));
}

/* Queues */

enum { PUTTERS = 3, TAKERS = 3, TAG_OF_LOGS = 1, TAG_OF_END = 2, FIRST_TAG = 3 };

static atomic_ulong put_on_queue, taken_off_queue;

static bool is_unusable(TemporalStaticLibsQueue *queue) {
  Answer next = {"nothing", ""}, try_next = {"nothing", ""};
  static const char refusal[] = "queue was made before fork";
  do_queue_next(&next);
  do_queue_try_next(&try_next);
  return strcmp(next.how, "fail") == 0 && strstr(next.text, refusal) != NULL &&
         strcmp(try_next.how, "fail") == 0 && strcmp(next.text, try_next.text) == 0 &&
         temporal_static_libs_queue_tag(queue, 1) == NULL &&
         temporal_static_libs_queue_descriptor(queue) == -1;
}

static TemporalCoreRuntime *new_runtime_with(TemporalStaticLibsQueue *log_queue) {
  TemporalCoreLoggingOptions logging = {ref("error"), NULL};
  TemporalCoreTelemetryOptions telemetry = {&logging, NULL};
  TemporalCoreRuntimeOptions options;
  TemporalStaticLibsRuntimeOptions extra = {
      .size = sizeof extra, .threads = 1, .log_queue = log_queue, .log_tag = TAG_OF_LOGS};
  memset(&options, 0, sizeof options);
  options.telemetry = &telemetry;
  TemporalCoreRuntimeOrFail made = temporal_static_libs_runtime_new(&options, &extra);
  if (made.fail != NULL) give_up("no runtime with a queue");
  return made.runtime;
}

/* Waits on the descriptor for an event, which must be of this kind. */
static bool await_event(TemporalStaticLibsQueue *queue, TemporalStaticLibsEventKind kind,
                        TemporalStaticLibsEvent *event) {
  struct pollfd waited = {temporal_static_libs_queue_descriptor(queue), POLLIN, 0};
  event->size = sizeof *event;
  return poll(&waited, 1, DEADLINE * 1000) == 1 &&
         temporal_static_libs_queue_try_next(queue, event) && event->kind == kind;
}

/* Whether a queue of this process gives results and logs. */
static bool queue_works(const char *address) {
  TemporalStaticLibsQueue *queue = temporal_static_libs_queue_new();
  TemporalCoreRuntime *runtime = new_runtime_with(queue);
  TemporalStaticLibsEvent event;
  char url[TEXT];
  snprintf(url, sizeof url, "http://%s", address);
  TemporalCoreConnectionOptions options = connection_options(url);
  temporal_core_client_connect(runtime, &options, temporal_static_libs_queue_tag(queue, FIRST_TAG),
                               temporal_static_libs_on_client_connect);
  if (!await_event(queue, TemporalStaticLibsEventKind_ClientConnect, &event)) return false;
  TemporalCoreConnection *connection = event.connection;
  if (connection == NULL || event.tag != FIRST_TAG) return false;
  TemporalCoreRpcCallOptions call = rpc_options("GetSystemInfo");
  temporal_core_client_rpc_call(connection, &call, temporal_static_libs_queue_tag(queue, FIRST_TAG),
                                temporal_static_libs_on_client_rpc_call);
  if (!await_event(queue, TemporalStaticLibsEventKind_ClientRpcCall, &event)) return false;
  bool succeeded = event.success != NULL;
  temporal_static_libs_event_free(&event);
  TemporalCoreByteArrayRef bad = ref("no name\nvalue");
  TemporalCoreMetadataRef metadata = {&bad, 1};
  temporal_core_client_update_metadata(connection, metadata);
  bool logged = await_event(queue, TemporalStaticLibsEventKind_Log, &event) &&
                event.tag == TAG_OF_LOGS && event.log != NULL;
  temporal_static_libs_event_free(&event);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  temporal_static_libs_queue_free(queue);
  return succeeded && logged;
}

/* Calls of the parent, and events put directly on its queue, which takes its lock more often. */
static void *put_on(void *connection) {
  while (!atomic_load(&stop)) {
    TemporalCoreRpcCallOptions options = rpc_options("GetSystemInfo");
    temporal_core_client_rpc_call(connection, &options,
                                  temporal_static_libs_queue_tag(of_parent.queue, FIRST_TAG),
                                  temporal_static_libs_on_client_rpc_call);
    for (int i = 0; i < 100; i++) put(of_parent.queue, FIRST_TAG);
    atomic_fetch_add(&put_on_queue, 101);
    pause_millis(1);
  }
  return NULL;
}

static void *take_from(void *unused) {
  TemporalStaticLibsEvent event = {.size = sizeof event};
  while (temporal_static_libs_queue_next(of_parent.queue, -1, &event) && event.tag != TAG_OF_END) {
    atomic_fetch_add(&taken_off_queue, 1);
    if (event.fail != NULL) atomic_fetch_add(&bad_calls, 1);
    temporal_static_libs_event_free(&event);
  }
  return unused;
}

static void queues(const char *address) {
  pthread_t putters[PUTTERS], takers[TAKERS];
  of_parent.runtime = new_runtime("error", on_log);
  of_parent.connection = new_connection(of_parent.runtime, address);
  of_parent.queue = temporal_static_libs_queue_new();
  temporal_static_libs_queue_descriptor(of_parent.queue);
  for (int i = 0; i < PUTTERS; i++)
    pthread_create(&putters[i], NULL, put_on, of_parent.connection);
  for (int i = 0; i < TAKERS; i++) pthread_create(&takers[i], NULL, take_from, NULL);
  for (int i = 0; i < FORKS; i++) {
    pause_millis(5);
    pid_t child = fork_child();
    if (child == 0) {
      int before = descriptors();
      if (!is_unusable(of_parent.queue)) exit(1);
      if (i % 2 == 0) free_handles(&of_parent, false);
      if (descriptors() != before) exit(2);
      alarm(DEADLINE);
      if (i % 4 < 2 && !queue_works(address)) exit(3);
      exit(0);
    }
    say("child\t%d\n", ended(child));
  }
  atomic_store(&stop, true);
  for (int i = 0; i < PUTTERS; i++) pthread_join(putters[i], NULL);
  for (double began = now(); atomic_load(&taken_off_queue) < atomic_load(&put_on_queue);) {
    if (now() > began + DEADLINE) break;
    pause_millis(2);
  }
  for (int i = 0; i < TAKERS; i++) put(of_parent.queue, TAG_OF_END);
  for (int i = 0; i < TAKERS; i++) pthread_join(takers[i], NULL);
  say("some events\t%d\n", atomic_load(&taken_off_queue) > PUTTERS * 100);
  say("events too few\t%ld\n",
      (long)atomic_load(&put_on_queue) - (long)atomic_load(&taken_off_queue));
  say("failed calls\t%d\n", atomic_load(&bad_calls));
  say("readable\t%d\n", is_readable(of_parent.queue));
  free_handles(&of_parent, false);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  parent = getpid();
  if (strcmp(mode, "list") == 0) {
    for (int row = 0; row < EXPORT_COUNT; row++) say("%s\n", EXPORTS[row].name);
    return 0;
  }
  if (argc < 3) give_up("usage: fork MODE …");
  if (strcmp(mode, "exports") == 0) {
    exports(argv[2]);
  } else if (strcmp(mode, "in-flight") == 0 && argc == 4) {
    in_flight(argv[2], argv[3]);
  } else if (strcmp(mode, "idle") == 0 && argc == 4) {
    idle(argv[2], argv[3]);
  } else if (strcmp(mode, "threads") == 0) {
    threads(argv[2]);
  } else if (strcmp(mode, "logs") == 0) {
    forwarded_logs(argv[2]);
  } else if (strncmp(mode, "in-", 3) == 0) {
    in_callback(argv[2], strcmp(mode, "in-log-callback") == 0);
  } else if (strcmp(mode, "again") == 0) {
    again(argv[2]);
  } else if (strcmp(mode, "freed") == 0) {
    freed(argv[2]);
  } else if (strcmp(mode, "queues") == 0) {
    queues(argv[2]);
  } else {
    give_up("no mode %s", mode);
  }
  return 0;
}
