#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* The log filter that the official Python client's runtime has by default. */
#define LOG_FILTER                                                                                 \
  "ERROR,temporalio_common=WARN,temporalio_sdk_core=WARN,temporalio_client=WARN,"                  \
  "temporalio_sdk=WARN,temporal_sdk_bridge=WARN"

_Noreturn void die(const char *what, const char *detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

void die_if(const char *what, const TemporalCoreByteArray *fail) {
  if (fail == NULL) return;
  fprintf(stderr, "%s: %.*s\n", what, (int)fail->size, (const char *)fail->data);
  exit(1);
}

long positive(const char *name, const char *argument) {
  char *end = NULL;
  errno = 0;
  long number = strtol(argument, &end, 10);
  if (errno != 0 || *end != '\0' || number < 1) die(name, "must be a number of at least 1");
  return number;
}

TemporalCoreByteArrayRef text(const char *text) {
  return (TemporalCoreByteArrayRef){(const uint8_t *)text, strlen(text)};
}

typedef struct Connecting {
  Latch done;
  TemporalCoreConnection *connection;
} Connecting;

static void on_connect(void *user_data, TemporalCoreConnection *success,
                       const TemporalCoreByteArray *fail) {
  Connecting *connecting = user_data;
  die_if("connect", fail);
  connecting->connection = success;
  latch_open(&connecting->done);
}

TemporalCoreRuntime *new_runtime(NewRuntime *function) {
  TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
  TemporalCoreLoggingOptions logging = {.filter = text(LOG_FILTER)};
  TemporalCoreTelemetryOptions telemetry = {.logging = &logging};
  TemporalCoreRuntimeOptions options = {.telemetry = &telemetry};
  TemporalCoreRuntimeOrFail made = function(&options);
  die_if("runtime", made.fail);
  return made.runtime;
}

TemporalCoreConnection *connect_to(TemporalCoreRuntime *runtime, const char *url, bool gzip) {
  TemporalCoreConnectionOptions options = {
      .target_url = text(url),
      .client_name = text("temporal-static-libs-benchmark"),
      .client_version = text(TEMPORAL_STATIC_LIBS_VERSION),
      .identity = text("benchmark"),
      .grpc_compression = gzip ? TemporalCoreClientGrpcCompression_Gzip
                               : TemporalCoreClientGrpcCompression_None,
  };
  Connecting connecting = {.connection = NULL};
  latch_init(&connecting.done);
  temporal_core_client_connect(runtime, &options, &connecting, on_connect);
  latch_wait(&connecting.done);
  return connecting.connection;
}

Session connect_session(const char *url, bool gzip) {
  return connect_session_with(temporal_core_runtime_new, url, gzip);
}

Session connect_session_with(NewRuntime *function, const char *url, bool gzip) {
  TemporalCoreRuntime *runtime = new_runtime(function);
  return (Session){runtime, connect_to(runtime, url, gzip)};
}

void close_session(Session session) {
  temporal_core_client_free(session.connection);
  temporal_core_runtime_free(session.runtime);
}

TemporalCoreRpcCallOptions get_system_info(void) {
  return (TemporalCoreRpcCallOptions){
      .service = TemporalCoreRpcService_Workflow,
      .rpc = text("GetSystemInfo"),
      .retry = true,
  };
}

static void on_answer(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                      const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  (void)status;
  (void)details;
  die_if("GetSystemInfo", message);
  temporal_core_byte_array_free(NULL, success);
  latch_open(user_data);
}

void call_once(TemporalCoreConnection *connection) {
  TemporalCoreRpcCallOptions call = get_system_info();
  Latch answered;
  latch_init(&answered);
  temporal_core_client_rpc_call(connection, &call, &answered, on_answer);
  latch_wait(&answered);
}

void latch_init(Latch *latch) {
  pthread_mutex_init(&latch->mutex, NULL);
  pthread_cond_init(&latch->opened, NULL);
  latch->is_open = false;
}

void latch_open(Latch *latch) {
  pthread_mutex_lock(&latch->mutex);
  latch->is_open = true;
  /* Before unlocking: the waiting thread may free the latch as soon as it is unlocked. */
  pthread_cond_broadcast(&latch->opened);
  pthread_mutex_unlock(&latch->mutex);
}

void latch_wait(Latch *latch) {
  pthread_mutex_lock(&latch->mutex);
  while (!latch->is_open) pthread_cond_wait(&latch->opened, &latch->mutex);
  pthread_mutex_unlock(&latch->mutex);
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

Moment now(void) {
  struct timespec wall;
  struct rusage usage;
  if (clock_gettime(CLOCK_MONOTONIC, &wall) != 0) die("clock_gettime", strerror(errno));
  if (getrusage(RUSAGE_SELF, &usage) != 0) die("getrusage", strerror(errno));
  return (Moment){
      .wall_seconds = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
      .cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime),
  };
}

void print_span(long count, Moment from, Moment to) {
  printf("{\"count\": %ld, \"wall_seconds\": %.9f, \"cpu_seconds\": %.9f}\n", count,
         to.wall_seconds - from.wall_seconds, to.cpu_seconds - from.cpu_seconds);
}
