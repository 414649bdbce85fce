// Calls of the core whose callbacks are in Go. The user data is a handle, because it must not be a Go pointer.

#include <stdint.h>

#include "temporal-sdk-core-c-bridge.h"

void bridge_connect(struct TemporalCoreRuntime *runtime,
                    const struct TemporalCoreConnectionOptions *options, uintptr_t handle);
void bridge_call(struct TemporalCoreConnection *client,
                 const struct TemporalCoreRpcCallOptions *options, uintptr_t handle);
