/* Makes the shortest call on a handle many times, or a system call the same number of times. */

#define _GNU_SOURCE

#include "bench.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Canceling a canceled token changes nothing, so only the call itself is left. */
static void cancel(long calls) {
  TemporalCoreCancellationToken *token = temporal_core_cancellation_token_new();
  temporal_core_cancellation_token_cancel(token);
  for (long i = 0; i < calls; i++) temporal_core_cancellation_token_cancel(token);
  temporal_core_cancellation_token_free(token);
}

static void ask_the_kernel(long calls) {
  for (long i = 0; i < calls; i++) syscall(SYS_getpid);
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage", "calls cancel|getpid CALLS");
  long calls = positive("CALLS", argv[2]);
  void (*run)(long) = strcmp(argv[1], "cancel") == 0 ? cancel : ask_the_kernel;

  run(calls / 10 + 1);
  Moment from = now();
  run(calls);
  print_span(calls, from, now());
  return 0;
}
