/* A host with few threads, few descriptors or little memory: how each call ends, and when.
 *
 *     limits RESOURCE SPARE STAGE ADDRESS
 *
 * RESOURCE: threads (SPARE more than there are), descriptors (SPARE more than are open), memory (SPARE
 * MiB more than are mapped).
 * STAGE: the first step under the limit: runtime, connection, worker, validation (which is left out
 * otherwise), polls, shutdown, end, end-in-callback (the last handle is freed in a callback), or
 * otlp-grpc and otlp-http: a runtime that exports metrics, and nothing else.
 * ADDRESS: host:port of a server on this machine.
 *
 * Prints one line per step to stdout: its name, milliseconds, how it ended, and the failure, separated
 * by tabs. A step that takes too long ends the program with status 3. */

#include "host.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

enum { LONGEST = 10, POLLS = 3, MOST_POLLS = 4 };

typedef enum Resource { THREADS, DESCRIPTORS, MEMORY } Resource;

static const char *const RESOURCES[] = {"threads", "descriptors", "memory"};
static const char *const POLL_NAMES[POLLS] = {"workflow", "activity", "nexus"};

typedef void (*Poll)(TemporalCoreWorker *, void *, TemporalCoreWorkerPollCallback);
static const Poll POLL[POLLS] = {
    temporal_core_worker_poll_workflow_activation,
    temporal_core_worker_poll_activity_task,
    temporal_core_worker_poll_nexus_task,
};

static const char *step_name = "";
static double step_began;

/* The step hangs. Calls only functions that a signal handler may call. */
static void on_alarm(int number) {
  (void)number;
  static const char hangs[] = "\t-\thangs\t\n";
  ssize_t ignored = write(1, step_name, strlen(step_name));
  ignored = write(1, hangs, sizeof hangs - 1);
  (void)ignored;
  _exit(3);
}

static void begin(const char *name) {
  step_name = name;
  step_began = now();
  alarm(LONGEST + 1);
}

static void end(const char *how, const char *text) {
  alarm(0);
  /* Prints a failure as one line. */
  char line[TEXT];
  snprintf(line, sizeof line, "%s", text);
  for (char *at = line; *at; at++) {
    if (*at == '\n' || *at == '\t') *at = ' ';
  }
  printf("%s\t%.0f\t%s\t%s\n", step_name, (now() - step_began) * 1000, how, line);
  fflush(stdout);
}

/* Opened before the limit is set. */
static DIR *tasks;

static int threads(void) {
  int count = 0;
  rewinddir(tasks);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  return count;
}

static int descriptors(void) {
  int count = 0;
  DIR *opened = opendir("/proc/self/fd");
  if (opened == NULL) give_up("no /proc/self/fd");
  for (struct dirent *entry; (entry = readdir(opened)) != NULL;) count += entry->d_name[0] != '.';
  closedir(opened);
  return count - 1; /* without the listing's */
}

static long mapped_bytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld", &pages) != 1) give_up("no /proc/self/statm");
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

/* Root's threads are not limited, and another user's are counted together, so this uses an unused user
 * ID. A user who cannot change the ID gets a namespace with its own count. */
static void become_countable(void) {
  uid_t nobody_else = 50000 + (uid_t)getpid() % 10000;
  if (geteuid() != 0) {
    if (unshare(CLONE_NEWUSER) != 0) give_up("cannot limit threads: %s", strerror(errno));
  } else if (setgid(65534) != 0 || setuid(nobody_else) != 0) {
    give_up("cannot become another user: %s", strerror(errno));
  }
}

static int resource_number(Resource resource) {
  switch (resource) {
    case THREADS:
      return RLIMIT_NPROC;
    case DESCRIPTORS:
      return RLIMIT_NOFILE;
    default:
      return RLIMIT_AS;
  }
}

static struct rlimit unlimited;

/* Lists them without the limit, because the names are in files. */
static bool has_thread(Resource resource, const char *name) {
  struct rlimit limited;
  bool found = false;
  getrlimit(resource_number(resource), &limited);
  setrlimit(resource_number(resource), &unlimited);
  rewinddir(tasks);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char path[300], comm[40] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue;
    if (fgets(comm, sizeof comm, file) != NULL) found |= strstr(comm, name) != NULL;
    fclose(file);
  }
  setrlimit(resource_number(resource), &limited);
  return found;
}

/* Threads of a freed worker end soon after it and would then be spare. */
static void await_worker_threads(Resource resource) {
  double began = now();
  while (has_thread(resource, "workflow-proces") || has_thread(resource, "temporal-real-s")) {
    if (now() > began + LONGEST) give_up("a worker's thread stays");
    pause_millis(2);
  }
}


static void limit(Resource resource, long spare) {
  struct rlimit limited = unlimited;
  switch (resource) {
    case THREADS:
      limited.rlim_cur = (rlim_t)(threads() + spare);
      break;
    case DESCRIPTORS:
      limited.rlim_cur = (rlim_t)(descriptors() + spare);
      break;
    case MEMORY:
      limited.rlim_cur = (rlim_t)(mapped_bytes() + spare * 1024 * 1024);
      break;
  }
  if (setrlimit(resource_number(resource), &limited) != 0) give_up("setrlimit: %s", strerror(errno));
}

static const char *word(End end) {
  static const char *const words[] = {"no answer", "success", "fail", "both NULL"};
  return words[end];
}

static TemporalCoreConnection *connect_to(TemporalCoreRuntime *runtime, const char *step,
                                          const char *url) {
  /* Lives until its callback, however late that is. */
  Call *call = calloc(1, sizeof *call);
  TemporalCoreConnectionOptions *options = calloc(1, sizeof *options);
  *options = connection_options(url);
  begin(step);
  temporal_core_client_connect(runtime, options, call, on_connect);
  End ended = wait_for(call, LONGEST);
  end(word(ended), call->text);
  return ended == SUCCEEDED ? call->connection : NULL;
}

static void system_info(TemporalCoreConnection *connection) {
  static Call call;
  static TemporalCoreRpcCallOptions options;
  options.service = TemporalCoreRpcService_Workflow;
  options.rpc = ref("GetSystemInfo");
  options.timeout_millis = 5000;
  begin("rpc");
  temporal_core_client_rpc_call(connection, &options, &call, on_rpc);
  end(word(wait_for(&call, LONGEST)), call.text);
}

/* Waiting polls are right, because there is no task. */
static End report_poll(int kind, const char *when, Call *call, double patience) {
  static char names[POLLS * 2 * MOST_POLLS][40];
  static int used;
  char *name = names[used++];
  snprintf(name, sizeof names[0], "poll %s %s", POLL_NAMES[kind], when);
  begin(name);
  End ended = wait_for(call, patience);
  end(ended == WAITING && patience < LONGEST ? "waits" : word(ended), call->text);
  return ended;
}

/* Its slots depend on the load, which a thread watches. */
static void resource_based_worker(TemporalCoreConnection *connection) {
  TemporalCoreWorkerOptions options = worker_options("limits-resource-based");
  TemporalCoreSlotSupplier *slots = &options.tuner.activity_slot_supplier;
  slots->tag = TemporalCoreSlotSupplier_ResourceBased;
  slots->resource_based.minimum_slots = 1;
  slots->resource_based.maximum_slots = 5;
  slots->resource_based.tuner_options.target_memory_usage = 0.8;
  slots->resource_based.tuner_options.target_cpu_usage = 0.8;
  begin("worker_new resource-based");
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  char text[TEXT] = "";
  take_text(text, made.fail);
  end(made.worker != NULL ? "success" : "fail", text);
  begin("worker_free resource-based");
  temporal_core_worker_free(made.worker);
  end("success", "");
}

/* A failure with many nested causes, more than can be decoded on a small stack. Core does not know the
 * run. */
static void complete_deep(TemporalCoreWorker *worker) {
  enum { DEPTH = 60 };
  static Call call;
  static uint8_t bytes[2 * DEPTH];
  for (int level = 0; level < DEPTH; level++) {
    static const uint8_t failed = 3 << 3 | 2, failure = 1 << 3 | 2, cause = 4 << 3 | 2;
    bytes[2 * level] = level == 0 ? failed : level == 1 ? failure : cause;
    bytes[2 * level + 1] = (uint8_t)(2 * (DEPTH - 1 - level));
  }
  TemporalCoreByteArrayRef completion = {bytes, sizeof bytes};
  begin("complete");
  temporal_core_worker_complete_workflow_activation(worker, completion, &call, on_done);
  end(word(wait_for(&call, LONGEST)), call.text);
}

static void worker_life(TemporalCoreConnection *connection, const char *stage, Resource resource,
                        long spare) {
  static Call polls[POLLS][MOST_POLLS];
  static Call validated, finalized;
  TemporalCoreWorkerOptions options = worker_options("limits");
  begin("worker_new");
  TemporalCoreWorkerOrFail made = temporal_core_worker_new(connection, &options);
  char text[TEXT] = "";
  take_text(text, made.fail);
  end(made.worker != NULL ? "success" : "fail", text);
  if (made.worker == NULL) return;
  if (strcmp(stage, "polls") == 0) limit(resource, spare);
  if (strcmp(stage, "validation") == 0) {
    limit(resource, spare);
    begin("validate");
    temporal_core_worker_validate(made.worker, &validated, on_done);
    end(word(wait_for(&validated, LONGEST)), validated.text);
  }
  for (int kind = 0; kind < POLLS; kind++) {
    begin("poll");
    POLL[kind](made.worker, &polls[kind][0], on_poll);
    alarm(0);
  }
  End before[POLLS];
  for (int kind = 0; kind < POLLS; kind++)
    before[kind] = report_poll(kind, "before shutdown", &polls[kind][0], kind == 0 ? 0.4 : 0.05);
  if (strcmp(stage, "shutdown") == 0) limit(resource, spare);
  complete_deep(made.worker);
  begin("initiate_shutdown");
  temporal_core_worker_initiate_shutdown(made.worker);
  end("success", "");
  for (int kind = 0; kind < POLLS; kind++) {
    End last = before[kind];
    if (last == WAITING) last = report_poll(kind, "drained", &polls[kind][0], LONGEST);
    for (int poll = 1; poll < MOST_POLLS && last == FAILED; poll++) {
      begin("poll");
      POLL[kind](made.worker, &polls[kind][poll], on_poll);
      alarm(0);
      last = report_poll(kind, "drained", &polls[kind][poll], LONGEST);
    }
  }
  begin("finalize_shutdown");
  temporal_core_worker_finalize_shutdown(made.worker, &finalized, on_done);
  end(word(wait_for(&finalized, LONGEST)), finalized.text);
  begin("worker_free");
  temporal_core_worker_free(made.worker);
  end("success", "");
}

static TemporalCoreRuntime *new_runtime(const char *step,
                                        const TemporalCoreTelemetryOptions *telemetry) {
  TemporalCoreRuntimeOptions options;
  memset(&options, 0, sizeof options);
  options.telemetry = telemetry;
  begin(step);
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
  char text[TEXT] = "";
  bool failed = made.fail != NULL;
  take_text(text, made.fail);
  end(failed ? "fail" : "success", text);
  if (!failed) return made.runtime;
  temporal_core_runtime_free(made.runtime);
  return NULL;
}

/* Ended threads are counted until the system has reaped them. */
static void await_threads(void) {
  begin("threads end");
  while (threads() > 1 && now() < step_began + LONGEST - 1) pause_millis(5);
  char text[TEXT];
  snprintf(text, sizeof text, "%d left", threads() - 1);
  end(threads() == 1 ? "success" : "fail", text);
}

static void on_last_rpc(void *connection, const TemporalCoreByteArray *success, uint32_t status,
                        const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  (void)status;
  temporal_core_byte_array_free(NULL, success);
  temporal_core_byte_array_free(NULL, message);
  temporal_core_byte_array_free(NULL, details);
  temporal_core_client_free(connection);
}

static void free_all(TemporalCoreConnection *connection, TemporalCoreRuntime *runtime,
                     bool in_callback) {
  begin("runtime_free");
  temporal_core_runtime_free(runtime);
  end("success", "");
  begin("client_free");
  if (in_callback && connection != NULL) {
    static TemporalCoreRpcCallOptions options;
    options.service = TemporalCoreRpcService_Workflow;
    options.rpc = ref("GetSystemInfo");
    temporal_core_client_rpc_call(connection, &options, connection, on_last_rpc);
  } else {
    temporal_core_client_free(connection);
  }
  end("success", "");
  await_threads();
}

/* A runtime that exports metrics to an address where nobody listens. */
static void exporting(Resource resource, TemporalCoreOpenTelemetryProtocol protocol) {
  TemporalCoreOpenTelemetryOptions collector;
  TemporalCoreMetricsOptions metrics;
  TemporalCoreTelemetryOptions telemetry = {NULL, &metrics};
  memset(&collector, 0, sizeof collector);
  memset(&metrics, 0, sizeof metrics);
  collector.url = ref("http://127.0.0.1:9/v1/metrics");
  collector.metric_temporality = TemporalCoreOpenTelemetryMetricTemporality_Cumulative;
  collector.protocol = protocol;
  metrics.opentelemetry = &collector;
  TemporalCoreRuntime *runtime = new_runtime("runtime_new exporting", &telemetry);
  if (runtime == NULL) return;
  begin("exporter");
  /* The part of the name that the system keeps. A new thread sets its own name. */
  double began = now();
  bool found;
  while (!(found = has_thread(resource, "OpenTelemetry.M")) && now() < began + 1) pause_millis(2);
  end(found ? "success" : "fail", "");
  free_all(NULL, runtime, false);
}

/* A program that is not a server. */
static void start_server(TemporalCoreRuntime *runtime) {
  static Call call;
  static TemporalCoreTestServerOptions options;
  options.existing_path = ref("/bin/true");
  options.sdk_name = ref("host");
  options.sdk_version = ref("1");
  begin("start_test_server");
  temporal_core_ephemeral_server_start_test_server(runtime, &options, &call, on_server);
  end(word(wait_for(&call, LONGEST)), call.text);
}

static void life(Resource resource, long spare, const char *stage, const char *by_number,
                 const char *by_name) {
  if (strcmp(stage, "runtime") == 0) limit(resource, spare);
  TemporalCoreRuntime *runtime = new_runtime("runtime_new", NULL);
  if (runtime == NULL) return;
  if (strcmp(stage, "connection") == 0) limit(resource, spare);
  TemporalCoreConnection *connection = connect_to(runtime, "connect by number", by_number);
  if (connection != NULL) {
    system_info(connection);
    if (strcmp(stage, "worker") == 0) limit(resource, spare);
    worker_life(connection, stage, resource, spare);
    resource_based_worker(connection);
  }
  /* Last, because the thread that resolves names stays for a while to be reused. */
  temporal_core_client_free(connect_to(runtime, "connect by name", by_name));
  start_server(runtime);
  if (strncmp(stage, "end", 3) == 0) {
    await_worker_threads(resource);
    limit(resource, spare);
  }
  free_all(connection, runtime, strcmp(stage, "end-in-callback") == 0);
}

int main(int argc, char **argv) {
  if (argc != 5) give_up("usage: limits RESOURCE SPARE STAGE ADDRESS");
  Resource resource = THREADS;
  while (strcmp(RESOURCES[resource], argv[1]) != 0) resource++;
  long spare = atol(argv[2]);
  const char *stage = argv[3];
  char by_number[100], by_name[100];
  snprintf(by_number, sizeof by_number, "http://%s", argv[4]);
  snprintf(by_name, sizeof by_name, "http://localhost%s", strrchr(argv[4], ':'));
  signal(SIGALRM, on_alarm);
  if (resource == THREADS) become_countable();
  getrlimit(resource_number(resource), &unlimited);
  tasks = opendir("/proc/self/task");
  if (tasks == NULL) give_up("no /proc/self/task");

  if (strncmp(stage, "otlp", 4) == 0) {
    limit(resource, spare);
    bool http = strcmp(stage, "otlp-http") == 0;
    exporting(resource, http ? TemporalCoreOpenTelemetryProtocol_Http
                             : TemporalCoreOpenTelemetryProtocol_Grpc);
  } else {
    life(resource, spare, stage, by_number, by_name);
  }
  setrlimit(resource_number(resource), &unlimited);
  TemporalCoreRuntime *runtime = new_runtime("runtime_new without the limit", NULL);
  if (runtime == NULL) return 1;
  free_all(connect_to(runtime, "connect without the limit", by_name), runtime, false);
  return 0;
}
