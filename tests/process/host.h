/* For programs that check how each call ends: calls with a deadline for waiting. */

#ifndef HOST_H
#define HOST_H

#define _GNU_SOURCE

#include "options.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 400 };

typedef enum End { WAITING, SUCCEEDED, FAILED, ENDED_WITHOUT_BOTH } End;

/* One call with a callback. Zeroed, it is ready for use. */
typedef struct Call {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  End end;
  int answers;
  uint32_t status;
  char text[TEXT]; /* the failure, or a server's target */
  uint8_t bytes[2048]; /* a success, as far as it fits */
  size_t size;
  TemporalCoreConnection *connection;
  TemporalCoreEphemeralServer *server;
} Call;

#define NEW_CALL {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}

__attribute__((noreturn, format(printf, 1, 2), unused)) static void give_up(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  _exit(99);
}

static UNUSED double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static UNUSED void pause_millis(long millis) {
  struct timespec time = {millis / 1000, millis % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* Copies and frees a failure. */
static UNUSED void take_text(char *text, const TemporalCoreByteArray *bytes) {
  if (bytes == NULL) return;
  size_t size = bytes->size < TEXT - 1 ? bytes->size : TEXT - 1;
  memcpy(text, bytes->data, size);
  text[size] = 0;
  temporal_core_byte_array_free(NULL, bytes);
}

static void answered(Call *call, End end) {
  pthread_mutex_lock(&call->mutex);
  call->end = end;
  call->answers++;
  pthread_cond_broadcast(&call->changed);
  pthread_mutex_unlock(&call->mutex);
}

static void answered_with(Call *call, const TemporalCoreByteArray *success,
                          const TemporalCoreByteArray *fail) {
  End end = success != NULL ? SUCCEEDED : fail != NULL ? FAILED : ENDED_WITHOUT_BOTH;
  if (success != NULL) {
    call->size = success->size < sizeof call->bytes ? success->size : sizeof call->bytes;
    memcpy(call->bytes, success->data, call->size);
    temporal_core_byte_array_free(NULL, success);
  }
  take_text(call->text, fail);
  answered(call, end);
}

static UNUSED void on_connect(void *call, TemporalCoreConnection *success,
                                               const TemporalCoreByteArray *fail) {
  ((Call *)call)->connection = success;
  take_text(((Call *)call)->text, fail);
  answered(call, success != NULL ? SUCCEEDED : FAILED);
}

static UNUSED void on_rpc(void *call, const TemporalCoreByteArray *success,
                                           uint32_t status, const TemporalCoreByteArray *message,
                                           const TemporalCoreByteArray *details) {
  ((Call *)call)->status = status;
  temporal_core_byte_array_free(NULL, details);
  answered_with(call, success, message);
}

static UNUSED void on_poll(void *call, const TemporalCoreByteArray *success,
                                            const TemporalCoreByteArray *fail) {
  answered_with(call, success, fail);
}

/* NULL is the result of a successful call without a result. */
static UNUSED void on_done(void *call, const TemporalCoreByteArray *fail) {
  take_text(((Call *)call)->text, fail);
  answered(call, fail != NULL ? FAILED : SUCCEEDED);
}

static UNUSED void on_server(void *call, TemporalCoreEphemeralServer *success,
                                              const TemporalCoreByteArray *target,
                                              const TemporalCoreByteArray *fail) {
  ((Call *)call)->server = success;
  take_text(((Call *)call)->text, target);
  take_text(((Call *)call)->text, fail);
  answered(call, success != NULL ? SUCCEEDED : FAILED);
}

/* How a call has ended, after waiting for at most so many seconds. */
static UNUSED End wait_for(Call *call, double seconds) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (time_t)seconds;
  until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&call->mutex);
  while (call->end == WAITING &&
         pthread_cond_timedwait(&call->changed, &call->mutex, &until) != ETIMEDOUT) {
  }
  End end = call->end;
  pthread_mutex_unlock(&call->mutex);
  return end;
}

#endif
