/* Calls GetSystemInfo as client.c does, and takes the answers from a completion queue.
 *
 * The main thread waits for each event and starts the next call, so the time to wake it up counts
 * too. */

#include "load.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static void start(TemporalCoreConnection *connection, const TemporalCoreRpcCallOptions *call,
                  TemporalStaticLibsQueue *queue, long number) {
  temporal_core_client_rpc_call(connection, call,
                                temporal_static_libs_queue_tag(queue, (uint64_t)number),
                                temporal_static_libs_on_client_rpc_call);
}

static void at_once(TemporalCoreConnection *connection, long calls, long in_flight) {
  TemporalStaticLibsQueue *queue = temporal_static_libs_queue_new();
  TemporalStaticLibsEvent event = {.size = sizeof event};
  TemporalCoreRpcCallOptions call = get_system_info();
  long started = 0;
  while (started < in_flight && started < calls) start(connection, &call, queue, started++);
  for (long answered = 0; answered < calls; answered++) {
    if (!temporal_static_libs_queue_next(queue, -1, &event)) die("queue", "no event");
    die_if("GetSystemInfo", event.fail);
    temporal_static_libs_event_free(&event);
    if (started < calls) start(connection, &call, queue, started++);
  }
  temporal_static_libs_queue_free(queue);
}

/* Waits for both the time and the queue, as an event loop does. */
static void at_rate(TemporalCoreConnection *connection, Pace *pace) {
  TemporalStaticLibsQueue *queue = temporal_static_libs_queue_new();
  TemporalStaticLibsEvent event = {.size = sizeof event};
  TemporalCoreRpcCallOptions call = get_system_info();
  struct pollfd ready[] = {
      {.fd = pace->timer, .events = POLLIN},
      {.fd = temporal_static_libs_queue_descriptor(queue), .events = POLLIN},
  };
  long started = 0, answered = 0;
  while (answered < pace->calls) {
    if (poll(ready, 2, -1) < 0) die("poll", strerror(errno));
    if (ready[0].revents != 0)
      for (long until = started + pace_wait(pace); started < until; started++)
        start(connection, &call, queue, started);
    if (started == pace->calls) ready[0].fd = -1;
    while (temporal_static_libs_queue_try_next(queue, &event)) {
      pace_answered(pace, (long)event.tag);
      die_if("GetSystemInfo", event.fail);
      temporal_static_libs_event_free(&event);
      answered++;
    }
  }
  temporal_static_libs_queue_free(queue);
}

int main(int argc, char **argv) {
  static const Delivery queue = {at_once, at_rate};
  return measure(argc, argv, temporal_core_runtime_new, &queue);
}
