/* What the host programs of these tests share: calls that are waited for with a deadline, and the
 * few options that a runtime, a connection and a worker need. */

#ifndef HOST_H
#define HOST_H

#define _GNU_SOURCE

#include "temporal-sdk-core-c-bridge.h"

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

__attribute__((unused)) static TemporalCoreByteArrayRef ref(const char *text) {
  TemporalCoreByteArrayRef range = {(const uint8_t *)text, strlen(text)};
  return range;
}

__attribute__((unused)) static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

__attribute__((unused)) static void pause_millis(long millis) {
  struct timespec time = {millis / 1000, millis % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* Copies and frees a failure. */
__attribute__((unused)) static void take_text(char *text, const TemporalCoreByteArray *bytes) {
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

__attribute__((unused)) static void on_connect(void *call, TemporalCoreConnection *success,
                                               const TemporalCoreByteArray *fail) {
  ((Call *)call)->connection = success;
  take_text(((Call *)call)->text, fail);
  answered(call, success != NULL ? SUCCEEDED : FAILED);
}

__attribute__((unused)) static void on_rpc(void *call, const TemporalCoreByteArray *success,
                                           uint32_t status, const TemporalCoreByteArray *message,
                                           const TemporalCoreByteArray *details) {
  ((Call *)call)->status = status;
  temporal_core_byte_array_free(NULL, details);
  answered_with(call, success, message);
}

__attribute__((unused)) static void on_poll(void *call, const TemporalCoreByteArray *success,
                                            const TemporalCoreByteArray *fail) {
  answered_with(call, success, fail);
}

/* NULL is what a call that gives nothing gives when it succeeds. */
__attribute__((unused)) static void on_done(void *call, const TemporalCoreByteArray *fail) {
  take_text(((Call *)call)->text, fail);
  answered(call, fail != NULL ? FAILED : SUCCEEDED);
}

__attribute__((unused)) static void on_server(void *call, TemporalCoreEphemeralServer *success,
                                              const TemporalCoreByteArray *target,
                                              const TemporalCoreByteArray *fail) {
  ((Call *)call)->server = success;
  take_text(((Call *)call)->text, target);
  take_text(((Call *)call)->text, fail);
  answered(call, success != NULL ? SUCCEEDED : FAILED);
}

/* How a call has ended after at most so many seconds. */
__attribute__((unused)) static End wait_for(Call *call, double seconds) {
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

__attribute__((unused)) static TemporalCoreConnectionOptions connection_options(const char *url) {
  TemporalCoreConnectionOptions options;
  memset(&options, 0, sizeof options);
  options.target_url = ref(url);
  options.client_name = ref("host");
  options.client_version = ref("1");
  options.identity = ref("host");
  return options;
}

__attribute__((unused)) static TemporalCoreWorkerOptions worker_options(const char *task_queue) {
  static const TemporalCorePollerBehaviorSimpleMaximum two = {2};
  TemporalCoreWorkerOptions options;
  memset(&options, 0, sizeof options);
  options.namespace_ = ref("default");
  options.task_queue = ref(task_queue);
  options.max_cached_workflows = 10;
  options.tuner.workflow_slot_supplier.fixed_size.num_slots = 5;
  options.tuner.activity_slot_supplier.fixed_size.num_slots = 5;
  options.tuner.local_activity_slot_supplier.fixed_size.num_slots = 5;
  options.tuner.nexus_task_slot_supplier.fixed_size.num_slots = 5;
  options.task_types.enable_workflows = true;
  options.task_types.enable_local_activities = true;
  options.task_types.enable_remote_activities = true;
  options.task_types.enable_nexus = true;
  options.sticky_queue_schedule_to_start_timeout_millis = 10000;
  options.max_heartbeat_throttle_interval_millis = 60000;
  options.default_heartbeat_throttle_interval_millis = 30000;
  options.nonsticky_to_sticky_poll_ratio = 0.2f;
  options.workflow_task_poller_behavior.simple_maximum = &two;
  options.activity_task_poller_behavior.simple_maximum = &two;
  options.nexus_task_poller_behavior.simple_maximum = &two;
  return options;
}

#endif
