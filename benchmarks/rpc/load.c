#include "load.h"

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

TemporalCoreRpcCallOptions get_system_info(void) {
  return (TemporalCoreRpcCallOptions){
      .service = TemporalCoreRpcService_Workflow,
      .rpc = text("GetSystemInfo"),
      .retry = true,
  };
}

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

void run_by_callbacks(TemporalCoreConnection *connection, long calls, long in_flight) {
  Load load = {.connection = connection, .call = get_system_info()};
  if (in_flight > calls) in_flight = calls;
  atomic_init(&load.to_start, calls - in_flight);
  atomic_init(&load.to_answer, calls);
  latch_init(&load.done);
  for (long i = 0; i < in_flight; i++)
    temporal_core_client_rpc_call(connection, &load.call, &load, on_answer);
  latch_wait(&load.done);
}

int measure(int argc, char **argv, NewRuntime *new_runtime, Run *run) {
  if (argc != 6) die("usage", "client URL gzip|none IN_FLIGHT WARM_UP_CALLS CALLS");
  long in_flight = positive("IN_FLIGHT", argv[3]);
  long warm_up = positive("WARM_UP_CALLS", argv[4]);
  long calls = positive("CALLS", argv[5]);

  Session session = connect_session_with(new_runtime, argv[1], strcmp(argv[2], "gzip") == 0);
  run(session.connection, warm_up, in_flight);
  Moment from = now();
  run(session.connection, calls, in_flight);
  print_span(calls, from, now());
  close_session(session);
  return 0;
}
