#include "bridge.h"

#include "_cgo_export.h"

// Functions that Go exports have no const parameters.
typedef struct TemporalCoreByteArray Bytes;

static void on_connected(void *handle, struct TemporalCoreConnection *success, const Bytes *fail)
{
    goConnected((uintptr_t)handle, success, (Bytes *)fail);
}

static void on_response(void *handle, const Bytes *success, uint32_t status, const Bytes *message,
                        const Bytes *details)
{
    goResponse((uintptr_t)handle, (Bytes *)success, status, (Bytes *)message, (Bytes *)details);
}

void bridge_connect(struct TemporalCoreRuntime *runtime,
                    const struct TemporalCoreConnectionOptions *options, uintptr_t handle)
{
    // If header and archive do not match, this is a link error.
    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    temporal_core_client_connect(runtime, options, (void *)handle, on_connected);
}

void bridge_call(struct TemporalCoreConnection *client,
                 const struct TemporalCoreRpcCallOptions *options, uintptr_t handle)
{
    temporal_core_client_rpc_call(client, options, (void *)handle, on_response);
}
