/* Shared by the C programs of the benchmarks: a connection, and measuring a span. */

#ifndef BENCH_H
#define BENCH_H

#include "temporal-sdk-core-c-bridge.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Session {
  TemporalCoreRuntime *runtime;
  TemporalCoreConnection *connection;
} Session;

/* A moment in a process's life. */
typedef struct Moment {
  double wall_seconds; /* of the monotonic clock */
  double cpu_seconds;  /* used by all threads of this process so far, user and system */
} Moment;

/* Opens once; any thread may open it. */
typedef struct Latch {
  pthread_mutex_t mutex;
  pthread_cond_t opened;
  bool is_open;
} Latch;

/* Ends the process with a message on standard error and status 1. */
_Noreturn void die(const char *what, const char *detail);

/* Ends the process with the library's message, unless `fail` is NULL. */
void die_if(const char *what, const TemporalCoreByteArray *fail);

/* An argument that must be a number of at least 1. */
long positive(const char *name, const char *argument);

TemporalCoreByteArrayRef text(const char *text);

/* Creates a runtime, as temporal_core_runtime_new does. */
typedef TemporalCoreRuntimeOrFail NewRuntime(const TemporalCoreRuntimeOptions *options);

/* Its logs are filtered as those of the official Python client are by default. */
TemporalCoreRuntime *new_runtime(NewRuntime *function);
TemporalCoreConnection *connect_to(TemporalCoreRuntime *runtime, const char *url, bool gzip);

/* Both of these. */
Session connect_session(const char *url, bool gzip);
Session connect_session_with(NewRuntime *function, const char *url, bool gzip);
void close_session(Session session);

void latch_init(Latch *latch);
void latch_open(Latch *latch);
void latch_wait(Latch *latch);

Moment now(void);

/* Waits for the answer to a call of GetSystemInfo, the smallest one. */
void call_once(TemporalCoreConnection *connection);

/* One call of it. The library retries it after failures that allow that. */
TemporalCoreRpcCallOptions get_system_info(void);

/* Prints how many things were done between two moments, for harness/child.py. */
void print_span(long count, Moment from, Moment to);

#endif
