/* What the C programs of the benchmarks share: a connection, and the measuring of a span. */

#ifndef BENCH_H
#define BENCH_H

#include "temporal-sdk-core-c-bridge.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A runtime that logs as the official Python client's does by default, and a connection. */
typedef struct Session {
  TemporalCoreRuntime *runtime;
  TemporalCoreConnection *connection;
} Session;

/* Where a process is in time. */
typedef struct Moment {
  double wall_seconds; /* of the monotonic clock */
  double cpu_seconds;  /* that all threads of this process have used, user and system */
} Moment;

/* Opens once; any thread may open it. */
typedef struct Latch {
  pthread_mutex_t mutex;
  pthread_cond_t opened;
  bool is_open;
} Latch;

/* Ends the process with a message on standard error and status 1. */
_Noreturn void die(const char *what, const char *detail);

/* die(), with what the library said; does nothing when `fail` is NULL. */
void die_if(const char *what, const TemporalCoreByteArray *fail);

/* An argument that must be a number of at least 1. */
long positive(const char *name, const char *argument);

TemporalCoreByteArrayRef text(const char *text);

/* Makes a runtime as temporal_core_runtime_new does. */
typedef TemporalCoreRuntimeOrFail NewRuntime(const TemporalCoreRuntimeOptions *options);

Session connect_session(const char *url, bool gzip);
Session connect_session_with(NewRuntime *new_runtime, const char *url, bool gzip);
void close_session(Session session);

void latch_init(Latch *latch);
void latch_open(Latch *latch);
void latch_wait(Latch *latch);

Moment now(void);

/* Prints what harness/child.py reads: how many things were done between two moments. */
void print_span(long count, Moment from, Moment to);

#endif
