/* The code that docs/queue.md leaves to its reader. PAGE is the code on the page, LOOP the loop's header. */

#include "temporal-sdk-core-c-bridge.h"

#include LOOP
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT = 1, STOP };

static TemporalStaticLibsQueue *queue;
static TemporalCoreConnection *_Atomic connection;

#include PAGE

static void *stop_when_connected(void *unused) {
  while (connection == NULL) sched_yield();
  stop();
  return unused;
}

static TemporalCoreByteArrayRef text(const char *text) {
  return (TemporalCoreByteArrayRef){(const uint8_t *)text, strlen(text)};
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  const TemporalCoreRuntimeOptions of_runtime = {.telemetry = NULL};
  const TemporalCoreConnectionOptions options = {
      .target_url = text(argv[1]),
      .client_name = text("queue-guide"),
      .client_version = text("1.0.0"),
  };
  TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&of_runtime);
  pthread_t thread;
  if (made.fail != NULL || pthread_create(&thread, NULL, stop_when_connected, NULL) != 0) return 2;
  queue = temporal_static_libs_queue_new();
  connect_to(made.runtime, &options);
  run();
  puts("the loop has ended");
  pthread_join(thread, NULL);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(made.runtime);
  temporal_static_libs_queue_free(queue);
  return 0;
}
