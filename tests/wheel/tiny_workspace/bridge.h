#include <stdint.h>

#define TEMPORAL_STATIC_LIBS_VERSION "0.10.1"
#define TEMPORAL_STATIC_LIBS_ABI_ID "0123456789abcdef"

typedef struct TemporalCoreRandom TemporalCoreRandom;
typedef struct TemporalCoreWorker TemporalCoreWorker;

struct TemporalCoreRandom *temporal_core_random_new(uint64_t seed);
void temporal_core_random_free(struct TemporalCoreRandom *random);
void temporal_core_worker_free(struct TemporalCoreWorker *worker);
