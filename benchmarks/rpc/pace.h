/* Calls that are due at a constant rate, and how long after that they are answered.
 *
 * The latency of a call counts from when it was due, not from when it was started: otherwise a
 * client that falls behind would leave out the time that its calls waited (coordinated omission). */

#ifndef PACE_H
#define PACE_H

#include "bench.h"

typedef struct Pace {
  long calls;
  long waited_for;
  int timer;          /* a file descriptor, readable while a call is due that was not waited for */
  int64_t first;      /* when the first call is due, in nanoseconds of the monotonic clock */
  int64_t interval;   /* from one call to the next, in nanoseconds */
  int64_t *latencies; /* of each call, in nanoseconds */
} Pace;

Pace pace_start(long calls, long per_second);

/* Waits until at least one more call is due; returns how many are, 0 once all calls were. */
long pace_wait(Pace *pace);

/* Any thread may note the answer of a call, numbered from 0. */
void pace_answered(Pace *pace, long number);

/* As print_span(), with the percentiles of all latencies. */
void pace_print_span(Pace *pace, Moment from, Moment to);

void pace_end(Pace *pace);

#endif
