/* Calls GetSystemInfo as client.c does, and takes the answers from a completion queue.
 *
 * The main thread waits for each event and starts the next call, so its waking up is on the clock,
 * too. */

#include "load.h"

static void start(TemporalCoreConnection *connection, const TemporalCoreRpcCallOptions *call,
                  TemporalStaticLibsQueue *queue) {
  temporal_core_client_rpc_call(connection, call, temporal_static_libs_queue_tag(queue, 0),
                                temporal_static_libs_on_client_rpc_call);
}

static void run_by_queue(TemporalCoreConnection *connection, long calls, long in_flight) {
  TemporalStaticLibsQueue *queue = temporal_static_libs_queue_new();
  TemporalStaticLibsEvent event = {.size = sizeof event};
  TemporalCoreRpcCallOptions call = get_system_info();
  long started = 0;
  while (started < in_flight && started < calls) {
    start(connection, &call, queue);
    started++;
  }
  for (long answered = 0; answered < calls; answered++) {
    if (!temporal_static_libs_queue_next(queue, -1, &event)) die("queue", "no event");
    die_if("GetSystemInfo", event.fail);
    temporal_static_libs_event_free(&event);
    if (started < calls) {
      start(connection, &call, queue);
      started++;
    }
  }
  temporal_static_libs_queue_free(queue);
}

int main(int argc, char **argv) {
  return measure(argc, argv, temporal_core_runtime_new, run_by_queue);
}
