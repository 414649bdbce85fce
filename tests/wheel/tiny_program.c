/* Gets the seed back from the tiny workspace's archive. */

#include <inttypes.h>
#include <stdio.h>

#include "temporal-sdk-core-c-bridge.h"

int main(void)
{
    struct TemporalCoreRandom *random = temporal_core_random_new(7);

    printf("seed %" PRIu64 "\n", *(uint64_t *)random);
    temporal_core_random_free(random);
    return 0;
}
