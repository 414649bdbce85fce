/* A program that only creates a runtime and frees it. */

#include <string.h>

#include "temporal-sdk-core-c-bridge.h"

int main(void)
{
    struct TemporalCoreRuntimeOptions options;
    struct TemporalCoreRuntimeOrFail made;

    memset(&options, 0, sizeof options);
    made = temporal_core_runtime_new(&options);
    temporal_core_runtime_free(made.runtime);
    return made.fail != NULL;
}
