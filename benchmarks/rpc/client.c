/* Calls GetSystemInfo through the C ABI, always so many at a time.
 *
 * Each answer's callback starts the next call, so nothing but the library's own work and this
 * callback is on the clock. */

#include "bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct Load {
  TemporalCoreConnection *connection;
  TemporalCoreRpcCallOptions call;
  atomic_long to_start;
  atomic_long to_answer;
  Latch done;
} Load;

static void on_answer(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                      const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  Load *load = user_data;
  (void)status;
  (void)details;
  die_if("GetSystemInfo", message);
  temporal_core_byte_array_free(NULL, success);
  if (atomic_fetch_sub(&load->to_start, 1) > 0)
    temporal_core_client_rpc_call(load->connection, &load->call, load, on_answer);
  if (atomic_fetch_sub(&load->to_answer, 1) == 1) latch_open(&load->done);
}

static void run(TemporalCoreConnection *connection, long calls, long in_flight) {
  Load load = {
      .connection = connection,
      .call =
          {
              .service = TemporalCoreRpcService_Workflow,
              .rpc = text("GetSystemInfo"),
              .retry = true,
          },
  };
  if (in_flight > calls) in_flight = calls;
  atomic_init(&load.to_start, calls - in_flight);
  atomic_init(&load.to_answer, calls);
  latch_init(&load.done);
  for (long i = 0; i < in_flight; i++)
    temporal_core_client_rpc_call(connection, &load.call, &load, on_answer);
  latch_wait(&load.done);
}

int main(int argc, char **argv) {
  if (argc != 6) die("usage", "client URL gzip|none IN_FLIGHT WARM_UP_CALLS CALLS");
  long in_flight = positive("IN_FLIGHT", argv[3]);
  long warm_up = positive("WARM_UP_CALLS", argv[4]);
  long calls = positive("CALLS", argv[5]);

  Session session = connect_session(argv[1], strcmp(argv[2], "gzip") == 0);
  run(session.connection, warm_up, in_flight);
  Moment from = now();
  run(session.connection, calls, in_flight);
  print_span(calls, from, now());
  close_session(session);
  return 0;
}
