/* What the clients of this benchmark share: all of them but the way in which results reach them. */

#ifndef LOAD_H
#define LOAD_H

#include "bench.h"

/* Calls GetSystemInfo so often, always so many at a time, and returns when all calls are answered. */
typedef void Run(TemporalCoreConnection *connection, long calls, long in_flight);

/* One call of it. It is sent again after failures that allow that. */
TemporalCoreRpcCallOptions get_system_info(void);

/* Where the callback of each call starts the next one. */
void run_by_callbacks(TemporalCoreConnection *connection, long calls, long in_flight);

/* A client's main function: connects, warms up, and prints the span of the calls that count. */
int measure(int argc, char **argv, NewRuntime *new_runtime, Run *run);

#endif
