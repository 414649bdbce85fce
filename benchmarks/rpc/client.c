/* Calls GetSystemInfo through the C ABI, and takes the answers in callbacks.
 *
 * Only the library's work and short callbacks count. */

#include "load.h"

int main(int argc, char **argv) {
  return measure(argc, argv, temporal_core_runtime_new, &callbacks);
}
