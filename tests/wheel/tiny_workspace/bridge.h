/*
 * A small part of the C interface.
 *
 * Rules that hold everywhere:
 *  - Every `_free` takes what the matching `_new` gave, and accepts NULL.
 */

#include <stdint.h>
#include <stdlib.h>

#define TEMPORAL_STATIC_LIBS_VERSION "0.10.1"

#define TEMPORAL_STATIC_LIBS_ABI_ID "0123456789abcdef"

/** A generator of random numbers. */
typedef struct TemporalCoreRandom TemporalCoreRandom;

/** A worker. */
typedef struct TemporalCoreWorker TemporalCoreWorker;

/** Makes a generator. */
struct TemporalCoreRandom *temporal_core_random_new(uint64_t seed);

/** Frees the generator. */
void temporal_core_random_free(struct TemporalCoreRandom *random);

/** Frees the worker. */
void temporal_core_worker_free(struct TemporalCoreWorker *worker);
