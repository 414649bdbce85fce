/* A host in C whose signals a test checks. SIGPIPE has its default disposition, which kills.
 *
 *   host connect URL COUNT           connects COUNT times at once
 *   host load URL MILLIS COUNT       calls an RPC repeatedly on COUNT threads, each with its own
 *                                    connection
 *   host work URL QUEUE              runs a worker until standard input ends
 *   host life METRICS URL SERVER [also-sigpipe|callbacks-may-block]
 *                                    uses every part of the interface once and waits halfway for
 *                                    the end of standard input; METRICS is prometheus, grpc or
 *                                    http, URL its receiver's; SERVER is a URL, dev:PROGRAM or
 *                                    test:PROGRAM to start one, or download:DIRECTORY to start the
 *                                    dev server that was downloaded there
 *   host console URL REPORT CASE     logs to the console; CASE is deliverable, pending or
 *                                    pending-for-process, REPORT the descriptor it reports on
 */

#define _GNU_SOURCE

#include "temporal-sdk-core-c-bridge.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
  SIGNALS = 64,
  MOST_THREADS = 1000,
  MOST_CALLS = 1000,
  PATIENCE_SECONDS = 60,
  FIRST_CALLS = 5
};

typedef struct Call {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int answers;
  void *handle;                         /* what the call gave */
  const TemporalCoreByteArray *success; /* or the bytes that it gave */
  const TemporalCoreByteArray *fail;
} Call;

static FILE *report;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(report, format, values);
  va_end(values);
  fputc('\n', report);
  fflush(report);
}

static void give_up(const char *what, const TemporalCoreByteArray *fail) {
  say("gave up: %s: %.*s", what, fail == NULL ? 0 : (int)fail->size,
      fail == NULL ? "" : (const char *)fail->data);
  _exit(2);
}

static TemporalCoreByteArrayRef ref(const char *text) {
  TemporalCoreByteArrayRef range = {(const uint8_t *)text, strlen(text)};
  return range;
}

static void free_bytes(const TemporalCoreByteArray *bytes) {
  temporal_core_byte_array_free(NULL, bytes);
}

static void pause_millis(long millis) {
  struct timespec pause = {millis / 1000, millis % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The host's signal mask before the first call; checked after each call. */

static sigset_t mask_before;

static void note_mask(void) { pthread_sigmask(SIG_SETMASK, NULL, &mask_before); }

static void block(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void after(const char *export) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  for (int number = 1; number <= SIGNALS; number++) {
    int was = sigismember(&mask_before, number), is = sigismember(&mask, number);
    if (was != is) say("mask changed: signal %d after %s: %d, not %d", number, export, is, was);
  }
}

/* Whether SIGPIPE is blocked at the end of each thread that this process makes. */

typedef struct Ended {
  char name[16];
  int blocks_sigpipe;
} Ended;

static Ended ended[MOST_THREADS];
static int ended_count;
static pthread_mutex_t ended_mutex = PTHREAD_MUTEX_INITIALIZER;

typedef struct Start {
  void *(*routine)(void *);
  void *argument;
} Start;

static void *run_and_note(void *given) {
  Start start = *(Start *)given;
  free(given);
  void *result = start.routine(start.argument);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  pthread_mutex_lock(&ended_mutex);
  if (ended_count < MOST_THREADS) {
    pthread_getname_np(pthread_self(), ended[ended_count].name, sizeof ended[0].name);
    ended[ended_count++].blocks_sigpipe = sigismember(&mask, SIGPIPE);
  }
  pthread_mutex_unlock(&ended_mutex);
  return result;
}

/* Replaces the C library's function, also for the library under test. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                   void *argument) {
  static int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, "pthread_create");
  Start *start = malloc(sizeof *start);
  if (start == NULL) return ENOMEM;
  start->routine = routine;
  start->argument = argument;
  int result = original(thread, attributes, run_and_note, start);
  if (result != 0) free(start);
  return result;
}

/* Calls, and waiting for their answers. */

static void start(Call *call) {
  memset(call, 0, sizeof *call);
  pthread_mutex_init(&call->mutex, NULL);
  pthread_cond_init(&call->changed, NULL);
}

static void answered(Call *call, void *handle, const TemporalCoreByteArray *success,
                     const TemporalCoreByteArray *fail) {
  pthread_mutex_lock(&call->mutex);
  call->handle = handle;
  call->success = success;
  call->fail = fail;
  call->answers++;
  pthread_cond_signal(&call->changed);
  pthread_mutex_unlock(&call->mutex);
}

static bool has_answered(Call *call) {
  pthread_mutex_lock(&call->mutex);
  bool there = call->answers > 0;
  pthread_mutex_unlock(&call->mutex);
  return there;
}

static void await(Call *call, const char *what) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += PATIENCE_SECONDS;
  pthread_mutex_lock(&call->mutex);
  while (call->answers == 0)
    if (pthread_cond_timedwait(&call->changed, &call->mutex, &deadline) == ETIMEDOUT) {
      say("no answer within %d s", PATIENCE_SECONDS);
      give_up(what, NULL);
    }
  pthread_mutex_unlock(&call->mutex);
}

static void *expect(Call *call, const char *what) {
  await(call, what);
  if (call->fail != NULL) give_up(what, call->fail);
  return call->handle;
}

static void on_connect(void *call, TemporalCoreConnection *success,
                       const TemporalCoreByteArray *fail) {
  answered(call, success, NULL, fail);
}

static void on_server(void *call, TemporalCoreEphemeralServer *success,
                      const TemporalCoreByteArray *target, const TemporalCoreByteArray *fail) {
  answered(call, success, target, fail);
}

static void on_rpc(void *call, const TemporalCoreByteArray *success, uint32_t status,
                   const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  (void)status;
  free_bytes(details);
  answered(call, NULL, success, message);
}

static void on_poll(void *call, const TemporalCoreByteArray *success,
                    const TemporalCoreByteArray *fail) {
  answered(call, NULL, success, fail);
}

static void on_done(void *call, const TemporalCoreByteArray *fail) {
  answered(call, NULL, NULL, fail);
}

static void on_log(TemporalCoreForwardedLogLevel level, const TemporalCoreForwardedLog *log) {
  (void)level;
  (void)log;
}

static bool callbacks_may_block;

static TemporalCoreRuntime *new_runtime(const TemporalCoreTelemetryOptions *telemetry) {
  TemporalCoreRuntimeOptions options;
  TemporalStaticLibsRuntimeOptions extra;
  memset(&options, 0, sizeof options);
  memset(&extra, 0, sizeof extra);
  options.telemetry = telemetry;
  extra.size = sizeof extra;
  extra.callbacks_may_block = callbacks_may_block;
  TemporalCoreRuntimeOrFail made = callbacks_may_block
                                       ? temporal_static_libs_runtime_new(&options, &extra)
                                       : temporal_core_runtime_new(&options);
  after("temporal_core_runtime_new");
  if (made.fail != NULL) give_up("temporal_core_runtime_new", made.fail);
  return made.runtime;
}

static void begin_connect(TemporalCoreRuntime *runtime, const char *url, Call *call,
                          TemporalCoreConnectionOptions *options) {
  memset(options, 0, sizeof *options);
  options->target_url = ref(url);
  options->client_name = ref("host");
  options->client_version = ref("1");
  options->identity = ref("host");
  start(call);
  temporal_core_client_connect(runtime, options, call, on_connect);
}

static TemporalCoreConnection *connect_to(TemporalCoreRuntime *runtime, const char *url) {
  TemporalCoreConnectionOptions options;
  Call call;
  begin_connect(runtime, url, &call, &options);
  after("temporal_core_client_connect");
  return expect(&call, "temporal_core_client_connect");
}

/* An RPC whose request has no fields. */
static bool rpc(TemporalCoreConnection *connection, const char *name, bool retry) {
  TemporalCoreRpcCallOptions options;
  Call call;
  memset(&options, 0, sizeof options);
  options.service = TemporalCoreRpcService_Workflow;
  options.rpc = ref(name);
  options.retry = retry;
  options.timeout_millis = 5000;
  start(&call);
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  await(&call, name);
  bool good = call.fail == NULL;
  free_bytes(call.success);
  free_bytes(call.fail);
  return good;
}

static TemporalCoreSlotSupplier slots(bool resource_based) {
  TemporalCoreSlotSupplier supplier;
  memset(&supplier, 0, sizeof supplier);
  if (resource_based) {
    supplier.tag = TemporalCoreSlotSupplier_ResourceBased;
    supplier.resource_based.minimum_slots = 2;
    supplier.resource_based.maximum_slots = 10;
    supplier.resource_based.tuner_options.target_memory_usage = 0.9;
    supplier.resource_based.tuner_options.target_cpu_usage = 0.9;
  } else {
    supplier.tag = TemporalCoreSlotSupplier_FixedSize;
    supplier.fixed_size.num_slots = 10;
  }
  return supplier;
}

static TemporalCorePollerBehaviorSimpleMaximum two_polls = {2};

static TemporalCoreWorkerOptions worker_options(const char *queue, bool resource_based) {
  TemporalCorePollerBehavior polls = {&two_polls, NULL};
  TemporalCoreWorkerOptions options;
  memset(&options, 0, sizeof options);
  options.namespace_ = ref("default");
  options.task_queue = ref(queue);
  options.max_cached_workflows = 10;
  options.tuner.workflow_slot_supplier = slots(resource_based);
  options.tuner.activity_slot_supplier = slots(resource_based);
  options.tuner.local_activity_slot_supplier = slots(resource_based);
  options.tuner.nexus_task_slot_supplier = slots(resource_based);
  options.task_types.enable_workflows = true;
  options.task_types.enable_remote_activities = true;
  options.sticky_queue_schedule_to_start_timeout_millis = 1000;
  options.nonsticky_to_sticky_poll_ratio = 0.5f;
  options.workflow_task_poller_behavior = polls;
  options.activity_task_poller_behavior = polls;
  options.nexus_task_poller_behavior = polls;
  return options;
}

static TemporalCoreWorker *new_worker(TemporalCoreConnection *connection, const char *queue,
                                      bool resource_based) {
  TemporalCoreWorkerOptions options = worker_options(queue, resource_based);
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  after("temporal_core_worker_new");
  if (made.fail != NULL) give_up("temporal_core_worker_new", made.fail);
  return made.worker;
}

/* Completes an activation without commands. Field 1 of both messages is the run's ID, which comes
 * first; field 2 of the completion is the success, an empty message. */
static void complete(TemporalCoreWorker *worker, const TemporalCoreByteArray *activation) {
  uint8_t bytes[200];
  size_t size = activation->size < 2 ? 0 : (size_t)activation->data[1] + 2;
  if (size == 0 || activation->data[0] != 0x0a || size > activation->size ||
      activation->data[1] > 0x7f)
    give_up("an activation does not begin with a run's ID", NULL);
  memcpy(bytes, activation->data, size);
  bytes[size++] = 0x12;
  bytes[size++] = 0;
  TemporalCoreByteArrayRef completion = {bytes, size};
  Call call;
  start(&call);
  temporal_core_worker_complete_workflow_activation(worker, completion, &call, on_done);
  await(&call, "temporal_core_worker_complete_workflow_activation");
  after("temporal_core_worker_complete_workflow_activation");
  free_bytes(call.fail); /* the server may be away */
}

static void shut_down(TemporalCoreWorker *worker, Call *workflow_poll, Call *activity_poll) {
  temporal_core_worker_initiate_shutdown(worker);
  after("temporal_core_worker_initiate_shutdown");
  for (;;) {
    await(workflow_poll, "temporal_core_worker_poll_workflow_activation");
    if (workflow_poll->success == NULL) break;
    complete(worker, workflow_poll->success);
    free_bytes(workflow_poll->success);
    start(workflow_poll);
    temporal_core_worker_poll_workflow_activation(worker, workflow_poll, on_poll);
  }
  await(activity_poll, "temporal_core_worker_poll_activity_task");
  Call call;
  start(&call);
  temporal_core_worker_finalize_shutdown(worker, &call, on_done);
  after("temporal_core_worker_finalize_shutdown");
  expect(&call, "temporal_core_worker_finalize_shutdown");
  temporal_core_worker_free(worker);
  after("temporal_core_worker_free");
}

static void await_end_of_input(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

/* connect */

static void connect_often(const char *url, int count) {
  static Call calls[MOST_CALLS];
  static TemporalCoreConnectionOptions options[MOST_CALLS];
  TemporalCoreRuntime *runtime = new_runtime(NULL);
  for (int i = 0; i < count; i++) begin_connect(runtime, url, &calls[i], &options[i]);
  for (int i = 0; i < count; i++) {
    await(&calls[i], "temporal_core_client_connect");
    if (calls[i].fail == NULL) give_up("connected to nothing", NULL);
    free_bytes(calls[i].fail);
  }
  temporal_core_runtime_free(runtime);
  say("failed %d", count);
}

/* load */

typedef struct Load {
  TemporalCoreConnection *connection;
  double end;
  int good, bad;
} Load;

static void *call_until_the_end(void *given) {
  Load *load = given;
  while (seconds_now() < load->end) {
    if (rpc(load->connection, "GetSystemInfo", false)) {
      load->good++;
    } else {
      load->bad++;
      pause_millis(1);
    }
  }
  return NULL;
}

static void load_server(const char *url, double seconds, int count) {
  static Load loads[MOST_CALLS];
  pthread_t ids[MOST_CALLS];
  int good = 0, bad = 0;
  TemporalCoreRuntime *runtime = new_runtime(NULL);
  for (int i = 0; i < count; i++)
    loads[i] = (Load){connect_to(runtime, url), seconds_now() + seconds, 0, 0};
  say("loading");
  for (int i = 0; i < count; i++)
    if (pthread_create(&ids[i], NULL, call_until_the_end, &loads[i]) != 0)
      give_up("no thread", NULL);
  for (int i = 0; i < count; i++) {
    pthread_join(ids[i], NULL);
    good += loads[i].good;
    bad += loads[i].bad;
    temporal_core_client_free(loads[i].connection);
  }
  temporal_core_runtime_free(runtime);
  say("answered %d", good);
  say("failed %d", bad);
}

/* work */

static void *end_of_input(void *given) {
  await_end_of_input();
  *(volatile bool *)given = true;
  return NULL;
}

static void work(const char *url, const char *queue) {
  static volatile bool is_over = false;
  Call workflow_poll, activity_poll;
  pthread_t input;
  TemporalCoreRuntime *runtime = new_runtime(NULL);
  TemporalCoreConnection *connection = connect_to(runtime, url);
  TemporalCoreWorker *worker = new_worker(connection, queue, false);
  if (pthread_create(&input, NULL, end_of_input, (void *)&is_over) != 0)
    give_up("no thread", NULL);
  start(&workflow_poll);
  temporal_core_worker_poll_workflow_activation(worker, &workflow_poll, on_poll);
  start(&activity_poll);
  temporal_core_worker_poll_activity_task(worker, &activity_poll, on_poll);
  say("polling");
  while (!is_over) {
    if (!has_answered(&workflow_poll)) {
      pause_millis(10);
      continue;
    }
    if (workflow_poll.success == NULL) give_up("a poll", workflow_poll.fail);
    complete(worker, workflow_poll.success);
    free_bytes(workflow_poll.success);
    start(&workflow_poll);
    temporal_core_worker_poll_workflow_activation(worker, &workflow_poll, on_poll);
  }
  pthread_join(input, NULL);
  shut_down(worker, &workflow_poll, &activity_poll);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  say("shut down");
}

/* life */

/* The kernel's mask, because the C library hides two of the signals. */
typedef struct Disposition {
  void *handler;
  unsigned long flags;
  void *restorer;
  unsigned long mask;
} Disposition;

static void read_dispositions(Disposition *dispositions) {
  memset(dispositions, 0, sizeof(Disposition) * (SIGNALS + 1));
  for (int number = 1; number <= SIGNALS; number++)
    if (syscall(SYS_rt_sigaction, number, NULL, &dispositions[number], sizeof(unsigned long)) != 0)
      give_up("rt_sigaction", NULL);
}

/* Core starts a worker's threads in the first call that needs them. */
static void use_replayer(TemporalCoreRuntime *runtime, int first) {
  TemporalCoreWorkerOptions options = worker_options("replay", false);
  TemporalCoreWorkerReplayerOrFail replayer = temporal_core_worker_replayer_new(runtime, &options);
  after("temporal_core_worker_replayer_new");
  if (replayer.fail != NULL) give_up("temporal_core_worker_replayer_new", replayer.fail);
  if (first == 0) {
    temporal_core_worker_initiate_shutdown(replayer.worker);
    after("temporal_core_worker_initiate_shutdown of a replayer");
  } else if (first == 1) {
    free_bytes(temporal_core_worker_record_activity_heartbeat(replayer.worker, ref("\x0a\x01x")));
    after("temporal_core_worker_record_activity_heartbeat of a replayer");
  } else if (first == 2) {
    temporal_core_worker_request_workflow_eviction(replayer.worker, ref("no run"));
    after("temporal_core_worker_request_workflow_eviction of a replayer");
  } else if (first == 3) {
    free_bytes(temporal_core_worker_replay_push(replayer.worker, replayer.worker_replay_pusher,
                                                ref("workflow"), ref("\xff"))
                   .fail);
    after("temporal_core_worker_replay_push");
  }
  temporal_core_worker_replay_pusher_free(replayer.worker_replay_pusher);
  after("temporal_core_worker_replay_pusher_free");
  temporal_core_worker_free(replayer.worker);
  after("temporal_core_worker_free of a replayer");
}

static void use_what_needs_no_server(TemporalCoreRuntime *runtime) {
  TemporalCoreRuntimeOptions wrong;
  memset(&wrong, 0, sizeof wrong);
  wrong.worker_heartbeat_interval_millis = 1;
  TemporalCoreRuntimeOrFail failed = temporal_core_runtime_new(&wrong);
  after("temporal_core_runtime_new, failing");
  free_bytes(failed.fail);
  temporal_core_runtime_free(failed.runtime);
  after("temporal_core_runtime_free of a failed one");

  TemporalCoreMetricMeter *meter = temporal_core_metric_meter_new(runtime);
  TemporalCoreMetricOptions options;
  memset(&options, 0, sizeof options);
  options.name = ref("metric");
  options.kind = TemporalCoreMetricKind_CounterInteger;
  TemporalCoreMetric *metric = temporal_core_metric_new(meter, &options);
  after("temporal_core_metric_new");
  temporal_core_metric_record_integer(metric, 1, NULL);
  after("temporal_core_metric_record_integer");
  temporal_core_metric_record_float(metric, 1, NULL); /* logs an error */
  after("temporal_core_metric_record_float");
  temporal_core_metric_free(metric);
  temporal_core_metric_meter_free(meter);
  after("temporal_core_metric_meter_free");

  for (int first = 0; first < FIRST_CALLS; first++) use_replayer(runtime, first);
}

static const char *after_prefix(const char *text, const char *prefix) {
  size_t size = strlen(prefix);
  return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

static TemporalCoreEphemeralServer *start_server(TemporalCoreRuntime *runtime, const char *which,
                                                 char *url, size_t size) {
  const char *dev = after_prefix(which, "dev:"), *test = after_prefix(which, "test:");
  const char *directory = after_prefix(which, "download:");
  TemporalCoreTestServerOptions common;
  TemporalCoreDevServerOptions options;
  Call call;
  memset(&common, 0, sizeof common);
  memset(&options, 0, sizeof options);
  if (directory != NULL) {
    common.download_version = ref("9.9.9");
    common.download_dest_dir = ref(directory);
  } else if (dev != NULL || test != NULL) {
    common.existing_path = ref(dev != NULL ? dev : test);
  } else {
    return NULL;
  }
  options.test_server = &common;
  /* The server gets the mask from when the runtime was made, not this one. */
  sigset_t kept = mask_before;
  block(SIGHUP);
  note_mask();
  start(&call);
  if (test != NULL) {
    temporal_core_ephemeral_server_start_test_server(runtime, &common, &call, on_server);
    after("temporal_core_ephemeral_server_start_test_server");
  } else {
    temporal_core_ephemeral_server_start_dev_server(runtime, &options, &call, on_server);
    after("temporal_core_ephemeral_server_start_dev_server");
  }
  TemporalCoreEphemeralServer *server = expect(&call, "a server");
  pthread_sigmask(SIG_SETMASK, &kept, NULL);
  note_mask();
  snprintf(url, size, "http://%.*s", (int)call.success->size, (const char *)call.success->data);
  free_bytes(call.success);
  return server;
}

static void use_worker(TemporalCoreConnection *connection) {
  Call call, workflow_poll, activity_poll;
  TemporalCoreWorker *worker = new_worker(connection, "life", true);
  start(&call);
  temporal_core_worker_validate(worker, &call, on_done);
  after("temporal_core_worker_validate");
  expect(&call, "temporal_core_worker_validate");
  start(&workflow_poll);
  temporal_core_worker_poll_workflow_activation(worker, &workflow_poll, on_poll);
  after("temporal_core_worker_poll_workflow_activation");
  start(&activity_poll);
  temporal_core_worker_poll_activity_task(worker, &activity_poll, on_poll);
  after("temporal_core_worker_poll_activity_task");
  say("ready");
  await_end_of_input();
  start(&call);
  temporal_core_worker_complete_activity_task(worker, ref("\xff"), &call, on_done);
  after("temporal_core_worker_complete_activity_task");
  await(&call, "temporal_core_worker_complete_activity_task");
  free_bytes(call.fail);
  free_bytes(temporal_core_worker_record_activity_heartbeat(worker, ref("\xff")));
  after("temporal_core_worker_record_activity_heartbeat");
  temporal_core_worker_request_workflow_eviction(worker, ref("no run"));
  after("temporal_core_worker_request_workflow_eviction");
  free_bytes(temporal_core_worker_replace_client(worker, connection));
  after("temporal_core_worker_replace_client");
  shut_down(worker, &workflow_poll, &activity_poll);
}

static void use_everything(const char *kind, const char *metrics_url, const char *where) {
  TemporalCoreLoggingOptions logging;
  TemporalCorePrometheusOptions prometheus;
  TemporalCoreOpenTelemetryOptions opentelemetry;
  TemporalCoreMetricsOptions metrics;
  TemporalCoreTelemetryOptions telemetry = {&logging, &metrics};
  memset(&logging, 0, sizeof logging);
  memset(&prometheus, 0, sizeof prometheus);
  memset(&opentelemetry, 0, sizeof opentelemetry);
  memset(&metrics, 0, sizeof metrics);
  logging.filter = ref("info");
  logging.forward_to = on_log;
  if (strcmp(kind, "prometheus") == 0) {
    prometheus.bind_address = ref("127.0.0.1:0");
    metrics.prometheus = &prometheus;
  } else {
    bool is_http = strcmp(kind, "http") == 0;
    opentelemetry.url = ref(metrics_url);
    opentelemetry.metric_periodicity_millis = 100;
    opentelemetry.metric_temporality = TemporalCoreOpenTelemetryMetricTemporality_Cumulative;
    opentelemetry.protocol = is_http ? TemporalCoreOpenTelemetryProtocol_Http
                                     : TemporalCoreOpenTelemetryProtocol_Grpc;
    metrics.opentelemetry = &opentelemetry;
  }
  TemporalCoreRuntime *runtime = new_runtime(&telemetry);
  char url[100];
  snprintf(url, sizeof url, "%s", where);
  use_what_needs_no_server(runtime);
  TemporalCoreEphemeralServer *server = start_server(runtime, where, url, sizeof url);
  TemporalCoreConnection *connection = connect_to(runtime, url);
  if (!rpc(connection, "GetSystemInfo", true)) give_up("GetSystemInfo", NULL);
  after("temporal_core_client_rpc_call");
  if (rpc(connection, "NoSuchCall", true)) give_up("NoSuchCall", NULL);
  after("temporal_core_client_rpc_call, failing");
  temporal_core_client_update_api_key(connection, ref(""));
  after("temporal_core_client_update_api_key");
  use_worker(connection);
  temporal_core_client_free(connection);
  after("temporal_core_client_free");
  if (server != NULL) {
    Call call;
    start(&call);
    temporal_core_ephemeral_server_shutdown(server, &call, on_done);
    after("temporal_core_ephemeral_server_shutdown");
    expect(&call, "temporal_core_ephemeral_server_shutdown");
    temporal_core_ephemeral_server_free(server);
    after("temporal_core_ephemeral_server_free");
  }
  temporal_core_runtime_free(runtime);
  after("temporal_core_runtime_free");
}

static int count_threads(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) give_up("no /proc/self/task", NULL);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* A runtime may still be shutting down just after its last call. */
static void await_threads(void) {
  double end = seconds_now() + PATIENCE_SECONDS;
  while (count_threads() > 1) {
    if (seconds_now() > end) give_up("threads stay after everything was freed", NULL);
    pause_millis(5);
  }
}

static void *nothing(void *given) { return given; }

static void life(const char *kind, const char *metrics_url, const char *where) {
  Disposition before[SIGNALS + 1], now[SIGNALS + 1];
  pthread_t thread;
  /* The C library sets up an internal signal when the first thread starts. */
  if (pthread_create(&thread, NULL, nothing, NULL) != 0) give_up("no thread", NULL);
  pthread_join(thread, NULL);
  ended_count = 0;
  read_dispositions(before);
  use_everything(kind, metrics_url, where);
  await_threads();
  read_dispositions(now);
  for (int number = 1; number <= SIGNALS; number++)
    if (memcmp(&before[number], &now[number], sizeof now[number]) != 0)
      say("disposition changed: signal %d", number);
  pthread_mutex_lock(&ended_mutex);
  for (int i = 0; i < ended_count; i++)
    say("ended %s: %s", ended[i].blocks_sigpipe ? "blocked" : "open", ended[i].name);
  pthread_mutex_unlock(&ended_mutex);
}

/* console */

static volatile sig_atomic_t delivered;

static void note_delivery(int number) {
  (void)number;
  delivered++;
}

static bool is_pending(void) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

/* Logs on the host's thread and checks that its SIGPIPE is unchanged. */
static void log_on_this_thread(TemporalCoreConnection *connection, bool was_pending) {
  TemporalCoreMetadataRef wrong = {NULL, 5};
  temporal_core_client_update_metadata(connection, wrong); /* logs an error */
  after("temporal_core_client_update_metadata");
  if (is_pending() != was_pending) say("pending %d after an error was logged", is_pending());
  temporal_core_worker_free(new_worker(connection, "console", false)); /* logs at info */
  if (is_pending() != was_pending) say("pending %d after a worker was made", is_pending());
}

static void log_to_console(const char *url, const char *which) {
  bool is_blocked = strcmp(which, "deliverable") != 0;
  TemporalCoreLoggingOptions logging;
  TemporalCoreTelemetryOptions telemetry = {&logging, NULL};
  memset(&logging, 0, sizeof logging);
  /* The HTTP/2 library logs on the threads that read and write. */
  logging.filter = ref("info,h2=debug");
  TemporalCoreRuntime *runtime = new_runtime(&telemetry);
  if (is_blocked) {
    /* Delivery would kill the process: one signal for this thread, or one that any thread may get. */
    block(SIGPIPE);
    note_mask();
    if (strcmp(which, "pending") == 0)
      pthread_kill(pthread_self(), SIGPIPE);
    else
      kill(getpid(), SIGPIPE);
  }
  TemporalCoreConnection *connection = connect_to(runtime, url);
  say("logged on a thread of the library");
  log_on_this_thread(connection, is_blocked);
  say("logged on a thread of the host");
  if (!is_blocked) {
    /* Again with a handler, which records delivered signals without harm. */
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_delivery;
    sigaction(SIGPIPE, &action, NULL);
    log_on_this_thread(connection, is_blocked);
    if (delivered != 0) say("delivered %d that nobody sent", (int)delivered);
    delivered = 0;
    kill(getpid(), SIGPIPE);
    if (delivered != 1) say("delivered %d, not the one that was sent", (int)delivered);
  }
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  if (is_pending() != is_blocked) say("pending %d at the end", is_pending());
  say("lives");
}

int main(int argc, char **argv) {
  TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
  const char *command = argc < 4 ? "" : argv[1];
  report = stdout;
  note_mask();
  if (strcmp(command, "connect") == 0) {
    connect_often(argv[2], atoi(argv[3]));
  } else if (strcmp(command, "load") == 0 && argc == 5) {
    load_server(argv[2], atoi(argv[3]) / 1000.0, atoi(argv[4]));
  } else if (strcmp(command, "work") == 0) {
    work(argv[2], argv[3]);
  } else if (strcmp(command, "life") == 0 && argc >= 5) {
    block(SIGUSR2);
    callbacks_may_block = argc > 5 && strcmp(argv[5], "callbacks-may-block") == 0;
    if (argc > 5 && !callbacks_may_block) block(SIGPIPE);
    note_mask();
    life(argv[2], argv[3], argv[4]);
  } else if (strcmp(command, "console") == 0 && argc == 5) {
    report = fdopen(atoi(argv[3]), "w");
    if (report == NULL) return 2;
    log_to_console(argv[2], argv[4]);
  } else {
    fprintf(stderr, "host: for the usage, see the first lines of the source\n");
    return 2;
  }
  return 0;
}
