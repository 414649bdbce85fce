/* Makes and frees a runtime; prints the version of the archive that it is linked with. */

#include <stdio.h>
#include <string.h>

#include "temporal-sdk-core-c-bridge.h"

int main(void)
{
    struct TemporalCoreRuntimeOptions options;
    struct TemporalCoreRuntimeOrFail made;
    int failed;

    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
    if (strcmp(temporal_static_libs_version(), TEMPORAL_STATIC_LIBS_VERSION) != 0) {
        fprintf(stderr, "the archive is %s, the header " TEMPORAL_STATIC_LIBS_VERSION "\n",
                temporal_static_libs_version());
        return 1;
    }
    memset(&options, 0, sizeof options);
    made = temporal_core_runtime_new(&options);
    failed = made.fail != NULL;
    if (failed) {
        fprintf(stderr, "no runtime: %.*s\n", (int)made.fail->size, (const char *)made.fail->data);
        temporal_core_byte_array_free(made.runtime, made.fail);
    }
    temporal_core_runtime_free(made.runtime);
#ifdef SMOKE_WORKER
    temporal_core_worker_free(NULL); /* which only sdk-core has */
#endif
    if (failed) {
        return 1;
    }
    printf("%s\n", temporal_static_libs_version());
    return 0;
}
