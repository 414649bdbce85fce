/* Shared by the clients of this benchmark, which differ in their runtime and in how they get
 * answers. */

#ifndef LOAD_H
#define LOAD_H

#include "bench.h"
#include "pace.h"

/* How a client gets its answers. Both functions call GetSystemInfo, and return when all calls are
 * answered. */
typedef struct Delivery {
  /* Keeps a fixed number of calls in flight. */
  void (*at_once)(TemporalCoreConnection *connection, long calls, long in_flight);
  /* Starts each call when it is due, whether or not earlier ones are answered. */
  void (*at_rate)(TemporalCoreConnection *connection, Pace *pace);
} Delivery;

/* By callbacks: the callback of each answer starts the next call, or notes the time. */
extern const Delivery callbacks;

/* A client's main function: connects, warms up, and prints the span of the calls that count. */
int measure(int argc, char **argv, NewRuntime *runtime, const Delivery *delivery);

#endif
