/* Needs what a bridge needs: runtime, client, RPC and worker. */

#include "temporal-sdk-core-c-bridge.h"

typedef void (*Function)(void);

const Function bridge_functions[] = {
    (Function)temporal_core_runtime_new,
    (Function)temporal_core_runtime_free,
    (Function)temporal_core_byte_array_free,
    (Function)temporal_core_client_connect,
    (Function)temporal_core_client_free,
    (Function)temporal_core_client_rpc_call,
    (Function)temporal_core_worker_new,
    (Function)temporal_core_worker_validate,
    (Function)temporal_core_worker_poll_workflow_activation,
    (Function)temporal_core_worker_complete_workflow_activation,
    (Function)temporal_core_worker_poll_activity_task,
    (Function)temporal_core_worker_complete_activity_task,
    (Function)temporal_core_worker_initiate_shutdown,
    (Function)temporal_core_worker_finalize_shutdown,
    (Function)temporal_core_worker_free,
};
