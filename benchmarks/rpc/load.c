#include "load.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct Load {
  TemporalCoreConnection *connection;
  TemporalCoreRpcCallOptions call;
  atomic_long to_start;
  atomic_long to_answer;
  Latch done;
} Load;

static void take(const TemporalCoreByteArray *success, const TemporalCoreByteArray *failure) {
  die_if("GetSystemInfo", failure);
  temporal_core_byte_array_free(NULL, success);
}

static void count_answer(Load *load) {
  if (atomic_fetch_sub(&load->to_answer, 1) == 1) latch_open(&load->done);
}

static void start_next(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                       const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  Load *load = user_data;
  (void)status;
  (void)details;
  take(success, message);
  if (atomic_fetch_sub(&load->to_start, 1) > 0)
    temporal_core_client_rpc_call(load->connection, &load->call, load, start_next);
  count_answer(load);
}

static void at_once(TemporalCoreConnection *connection, long calls, long in_flight) {
  Load load = {.connection = connection, .call = get_system_info()};
  if (in_flight > calls) in_flight = calls;
  atomic_init(&load.to_start, calls - in_flight);
  atomic_init(&load.to_answer, calls);
  latch_init(&load.done);
  for (long i = 0; i < in_flight; i++)
    temporal_core_client_rpc_call(connection, &load.call, &load, start_next);
  latch_wait(&load.done);
}

typedef struct DueCall {
  Load *load;
  Pace *pace;
  long number;
} DueCall;

static void note_time(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                      const TemporalCoreByteArray *message, const TemporalCoreByteArray *details) {
  DueCall *due = user_data;
  (void)status;
  (void)details;
  pace_answered(due->pace, due->number);
  take(success, message);
  count_answer(due->load);
}

static void at_rate(TemporalCoreConnection *connection, Pace *pace) {
  Load load = {.call = get_system_info()};
  DueCall *due = calloc((size_t)pace->calls, sizeof *due);
  if (due == NULL) die("calls", "out of memory");
  atomic_init(&load.to_answer, pace->calls);
  latch_init(&load.done);
  for (long started = 0; started < pace->calls;) {
    for (long until = started + pace_wait(pace); started < until; started++) {
      due[started] = (DueCall){&load, pace, started};
      temporal_core_client_rpc_call(connection, &load.call, &due[started], note_time);
    }
  }
  latch_wait(&load.done);
  free(due);
}

const Delivery callbacks = {at_once, at_rate};

static void measure_at_once(TemporalCoreConnection *connection, const Delivery *delivery,
                            long in_flight, long warm_up, long calls) {
  delivery->at_once(connection, warm_up, in_flight);
  Moment from = now();
  delivery->at_once(connection, calls, in_flight);
  print_span(calls, from, now());
}

static void measure_at_rate(TemporalCoreConnection *connection, const Delivery *delivery,
                            long per_second, long warm_up, long calls) {
  Pace pace = pace_start(warm_up, per_second);
  delivery->at_rate(connection, &pace);
  pace_end(&pace);
  Moment from = now();
  pace = pace_start(calls, per_second);
  delivery->at_rate(connection, &pace);
  pace_print_span(&pace, from, now());
  pace_end(&pace);
}

int measure(int argc, char **argv, NewRuntime *runtime, const Delivery *delivery) {
  if (argc != 7)
    die("usage", "client URL gzip|none (at-once IN_FLIGHT|at-rate PER_SECOND) WARM_UP_CALLS CALLS");
  long load = positive("IN_FLIGHT or PER_SECOND", argv[4]);
  long warm_up = positive("WARM_UP_CALLS", argv[5]);
  long calls = positive("CALLS", argv[6]);

  Session session = connect_session_with(runtime, argv[1], strcmp(argv[2], "gzip") == 0);
  (strcmp(argv[3], "at-rate") == 0 ? measure_at_rate : measure_at_once)(
      session.connection, delivery, load, warm_up, calls);
  close_session(session);
  return 0;
}
