/* Makes core panic in a call by a completion after a worker's last task, and prints the failure of the
 * call. Then frees everything. */

#include <stdio.h>
#include <string.h>

#include "temporal-sdk-core-c-bridge.h"

static TemporalStaticLibsQueue *queue;
static TemporalStaticLibsEvent event = {.size = sizeof event};

static TemporalCoreByteArrayRef text(const char *string)
{
    return (TemporalCoreByteArrayRef){(const uint8_t *)string, strlen(string)};
}

static void *user_data(void)
{
    return temporal_static_libs_queue_tag(queue, 0);
}

/* Waits for the call's event, and prints why the call failed, if it did. */
static void wait_for(const char *call)
{
    temporal_static_libs_queue_next(queue, -1, &event);
    if (event.fail != NULL) {
        printf("%s: %.*s\n", call, (int)event.fail->size, (const char *)event.fail->data);
    }
}

int main(int argc, char **argv)
{
    /* A WorkflowActivationCompletion: run_id, and failed with a failure that has a message. */
    const TemporalCoreByteArrayRef completion = text("\n\003any\032\015\n\013\n\011not empty");
    TemporalCoreRuntimeOptions runtime_options = {0};
    TemporalCoreConnectionOptions connection_options = {
        .target_url = text(argv[argc - 1]),
        .client_name = text("panic"),
        .client_version = text("1.0.0"),
        .identity = text("panic"),
    };
    TemporalCorePollerBehaviorSimpleMaximum polls = {2};
    TemporalCoreWorkerOptions worker_options = {
        .namespace_ = text("default"),
        .task_queue = text("panic"),
        .task_types.enable_workflows = true,
        .tuner.workflow_slot_supplier.fixed_size.num_slots = 2,
        .workflow_task_poller_behavior.simple_maximum = &polls,
    };
    TemporalCoreRuntime *runtime = temporal_core_runtime_new(&runtime_options).runtime;
    TemporalCoreConnection *connection;
    TemporalCoreWorker *worker;

    queue = temporal_static_libs_queue_new();
    temporal_core_client_connect(runtime, &connection_options, user_data(), temporal_static_libs_on_client_connect);
    wait_for("connect");
    if (event.connection == NULL) {
        return 1;
    }
    connection = event.connection;
    event.connection = NULL;
    worker = temporal_core_worker_new(connection, &worker_options).worker;
    temporal_core_worker_initiate_shutdown(worker);
    temporal_core_worker_poll_workflow_activation(worker, user_data(), temporal_static_libs_on_worker_poll);
    wait_for("poll");
    temporal_core_worker_complete_workflow_activation(worker, completion, user_data(),
                                                      temporal_static_libs_on_worker);
    wait_for("complete");
    temporal_static_libs_event_free(&event);
    temporal_core_worker_finalize_shutdown(worker, user_data(), temporal_static_libs_on_worker);
    wait_for("finalize");
    temporal_core_worker_free(worker);
    temporal_core_client_free(connection);
    temporal_core_runtime_free(runtime);
    temporal_static_libs_queue_free(queue);
    return 0;
}
