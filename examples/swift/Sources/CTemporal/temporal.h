#include <temporal-sdk-core-c-bridge.h>

/* Swift does not import function-like macros. */
static inline void temporal_require_matching_archive(void)
{
    TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE();
}
