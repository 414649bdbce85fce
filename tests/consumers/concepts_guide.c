/* The code of docs/c-api-concepts.md, PAGE, run on the server whose URL is the argument. */

#include PAGE

#include <pthread.h>
#include <stdlib.h>

static TemporalCoreWorker *worker;
static TemporalStaticLibsQueue *queue;

void complete(TemporalCoreWorker *of, const TemporalCoreByteArray *activation, void *user_data) {
  (void)of, (void)activation;
  fputs("an activation without a workflow\n", stderr);
  temporal_static_libs_on_worker(user_data, NULL);
}

/* Waits for the one call in flight; its result may be moved out of the event. */
static void take(TemporalStaticLibsEvent *event) {
  event->size = sizeof *event;
  temporal_static_libs_queue_next(queue, -1, event);
  if (event->fail != NULL) {
    print(event->fail);
    exit(1);
  }
}

static void *run(void *unused) {
  run_worker(worker, queue);
  return unused;
}

int main(int count, char **arguments) {
  static TemporalCoreConnectionOptions options;
  TemporalStaticLibsEvent event;
  TemporalCoreRuntime *runtime = make_runtime();
  TemporalCoreConnection *connection;
  pthread_t thread;

  if (runtime == NULL || count < 2) {
    return 1;
  }
  queue = temporal_static_libs_queue_new();
  options.target_url = text(arguments[1]);
  options.client_name = text("guide");
  options.client_version = text("1");
  options.identity = text("guide");
  connect_with_queue(runtime, queue, &options);
  take(&event);
  connection = event.connection;
  count_workflows(connection);
  worker = make_worker(connection);
  if (worker == NULL) {
    return 1;
  }
  temporal_core_worker_validate(worker, temporal_static_libs_queue_tag(queue, COMPLETE),
                                temporal_static_libs_on_worker);
  take(&event);
  pthread_create(&thread, NULL, run, NULL);
  temporal_core_worker_initiate_shutdown(worker);
  pthread_join(thread, NULL);
  temporal_core_client_free(connection);
  temporal_core_runtime_free(runtime);
  temporal_static_libs_queue_free(queue);
  puts("the worker has ended");
  return 0;
}
