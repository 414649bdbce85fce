/* client.c, in a runtime with one thread instead of one per processor. */

#include "load.h"

static TemporalCoreRuntimeOrFail one_thread_runtime(const TemporalCoreRuntimeOptions *options) {
  TemporalStaticLibsRuntimeOptions extra = {.size = sizeof extra, .threads = 1};
  return temporal_static_libs_runtime_new(options, &extra);
}

int main(int argc, char **argv) { return measure(argc, argv, one_thread_runtime, &callbacks); }
