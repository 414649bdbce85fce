// Calls of the core whose callbacks go to Go; a handle takes the place of user data, which may not
// be a pointer of Go's.

#include <stdint.h>

#include "temporal-sdk-core-c-bridge.h"

void bridge_connect(struct TemporalCoreRuntime *runtime,
                    const struct TemporalCoreConnectionOptions *options, uintptr_t handle);
void bridge_call(struct TemporalCoreConnection *client,
                 const struct TemporalCoreRpcCallOptions *options, uintptr_t handle);
