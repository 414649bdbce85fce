/* Producers and consumers of one completion queue, on as many threads as the machine can run.
 *
 * usage: queue_stress EVENTS
 *
 * Each producer puts EVENTS events, like the end of a call. Some consumers wait forever, some for a
 * moment, some do not wait, and some poll the queue's descriptor. Each event must come exactly
 * once, to a thread that sees what its producer wrote before; then the descriptor is not readable. */

#define _GNU_SOURCE

#include "temporal-sdk-core-c-bridge.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRODUCERS = 3, WAYS = 4, CONSUMERS_A_WAY = 2 };

static TemporalStaticLibsQueue *queue;
static uint64_t events;
static atomic_uchar *seen;
static uint64_t *written;
static atomic_uint_fast64_t taken;

static void fail_test(const char *what) {
  fprintf(stderr, "queue_stress: %s\n", what);
  exit(2);
}

static uint64_t all(void) { return events * PRODUCERS; }

static void *produce(void *number) {
  uint64_t first = (uint64_t)(uintptr_t)number * events;
  for (uint64_t tag = first; tag < first + events; tag++) {
    written[tag] = ~tag;
    temporal_static_libs_on_worker(temporal_static_libs_queue_tag(queue, tag), NULL);
    /* So that consumers sleep now and then. */
    if (tag % 1024 == 0) sched_yield();
  }
  return NULL;
}

/* Counts an event; false for one that only ends the consumer. */
static bool count(TemporalStaticLibsEvent *event) {
  uint64_t tag = event->tag;
  temporal_static_libs_event_free(event);
  if (tag == UINT64_MAX) return false;
  if (event->kind != TemporalStaticLibsEventKind_Worker || tag >= all()) fail_test("a wrong event");
  if (written[tag] != ~tag) fail_test("an event came before what was written before it");
  if (atomic_fetch_add(&seen[tag], 1) != 0) fail_test("an event came twice");
  atomic_fetch_add(&taken, 1);
  return true;
}

static bool is_readable(int timeout) {
  struct pollfd waited = {temporal_static_libs_queue_descriptor(queue), POLLIN, 0};
  return poll(&waited, 1, timeout) == 1;
}

static void *consume(void *way) {
  static const int64_t timeouts[WAYS] = {-1, 1, 0, 0};
  TemporalStaticLibsEvent event = {.size = sizeof event};
  bool go_on = true;
  while (go_on) {
    int64_t timeout = timeouts[(uintptr_t)way];
    bool there;
    if (timeout == 0) {
      /* The last kind of consumer waits on the descriptor. */
      if ((uintptr_t)way == WAYS - 1) is_readable(-1);
      there = temporal_static_libs_queue_try_next(queue, &event);
    } else {
      there = temporal_static_libs_queue_next(queue, timeout, &event);
    }
    if (there) go_on = count(&event);
    else if (timeout < 0) fail_test("a wait without end has ended");
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t producers[PRODUCERS], consumers[WAYS * CONSUMERS_A_WAY];
  if (argc != 2) fail_test("usage");
  events = strtoull(argv[1], NULL, 10);
  seen = calloc(all(), sizeof *seen);
  written = calloc(all(), sizeof *written);
  queue = temporal_static_libs_queue_new();
  for (uintptr_t i = 0; i < WAYS * CONSUMERS_A_WAY; i++)
    pthread_create(&consumers[i], NULL, consume, (void *)(i % WAYS));
  for (uintptr_t i = 0; i < PRODUCERS; i++) pthread_create(&producers[i], NULL, produce, (void *)i);
  for (int i = 0; i < PRODUCERS; i++) pthread_join(producers[i], NULL);
  for (int i = 0; i < WAYS * CONSUMERS_A_WAY; i++)
    temporal_static_libs_on_worker(temporal_static_libs_queue_tag(queue, UINT64_MAX), NULL);
  for (int i = 0; i < WAYS * CONSUMERS_A_WAY; i++) pthread_join(consumers[i], NULL);
  if (atomic_load(&taken) != all()) fail_test("events are lost");
  if (is_readable(0)) fail_test("the descriptor is readable and there is no event");
  temporal_static_libs_queue_free(queue);
  free((void *)seen);
  free(written);
  return 0;
}
