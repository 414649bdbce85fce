/* Calls GetSystemInfo through the C ABI, always so many at a time.
 *
 * Each answer's callback starts the next call, so nothing but the library's own work and this
 * callback is on the clock. */

#include "load.h"

int main(int argc, char **argv) {
  return measure(argc, argv, temporal_core_runtime_new, run_by_callbacks);
}
