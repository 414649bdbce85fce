/* client.c, in a runtime whose callbacks run on threads on which they may block. They do not. */

#include "load.h"

static TemporalCoreRuntimeOrFail blocking_runtime(const TemporalCoreRuntimeOptions *options) {
  TemporalStaticLibsRuntimeOptions extra = {.size = sizeof extra, .callbacks_may_block = true};
  return temporal_static_libs_runtime_new(options, &extra);
}

int main(int argc, char **argv) { return measure(argc, argv, blocking_runtime, &callbacks); }
