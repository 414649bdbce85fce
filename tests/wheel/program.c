/* Creates a runtime, gets an error message from the library, and frees everything. */

#include <stdio.h>
#include <string.h>

#include "temporal-sdk-core-c-bridge.h"

int main(void)
{
    struct TemporalCoreRuntimeOptions options;
    struct TemporalCoreRuntimeOrFail made;

    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    memset(&options, 0, sizeof options);
    made = temporal_core_runtime_new(&options);
    if (made.fail != NULL) {
        fprintf(stderr, "%.*s\n", (int)made.fail->size, (const char *)made.fail->data);
        temporal_core_byte_array_free(made.runtime, made.fail);
        temporal_core_runtime_free(made.runtime);
        return 1;
    }
    temporal_core_runtime_free(made.runtime);

    options.worker_heartbeat_interval_millis = 1; /* less than the minimum, one second */
    made = temporal_core_runtime_new(&options);
    if (made.fail == NULL) {
        fprintf(stderr, "a heartbeat interval of one millisecond was accepted\n");
        temporal_core_runtime_free(made.runtime);
        return 1;
    }
    printf("%.*s\n", (int)made.fail->size, (const char *)made.fail->data);
    temporal_core_byte_array_free(made.runtime, made.fail);
    temporal_core_runtime_free(made.runtime);
    return 0;
}
