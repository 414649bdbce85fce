/* For programs in C and C++ that do not check how a call ended: waiting for callbacks, and a gRPC override
 * as the server. */

#ifndef CALLS_H
#define CALLS_H

#include "options.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail_test(const char *what) {
  fprintf(stderr, "failed: %s\n", what);
  _Exit(2);
}

static UNUSED void free_bytes(const TemporalCoreByteArray *bytes) {
  temporal_core_byte_array_free(NULL, bytes);
}

/* Prints a failure and ends the program; NULL is none. */
static UNUSED void expect_none(const TemporalCoreByteArray *fail, const char *what) {
  if (fail == NULL) return;
  fprintf(stderr, "%s: %.*s\n", what, (int)fail->size, (const char *)fail->data);
  fail_test(what);
}

/* The end of a call: what its callback got, and that it was called. */
typedef struct Call {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int answers;
  void *success;
  bool failed;
} Call;

static UNUSED void start(Call *call) {
  memset(call, 0, sizeof *call);
  pthread_mutex_init(&call->mutex, NULL);
  pthread_cond_init(&call->changed, NULL);
}

static UNUSED void answered(Call *call, void *success, bool failed) {
  pthread_mutex_lock(&call->mutex);
  call->answers++;
  call->success = success;
  call->failed = failed;
  pthread_cond_broadcast(&call->changed);
  pthread_mutex_unlock(&call->mutex);
}

static UNUSED void *await(Call *call) {
  pthread_mutex_lock(&call->mutex);
  while (call->answers == 0) pthread_cond_wait(&call->changed, &call->mutex);
  pthread_mutex_unlock(&call->mutex);
  return call->success;
}

static UNUSED void on_connect(void *user_data, TemporalCoreConnection *success,
                              const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(fail);
  answered((Call *)user_data, success, failed);
}

static UNUSED void on_rpc(void *user_data, const TemporalCoreByteArray *success, uint32_t status,
                          const TemporalCoreByteArray *message,
                          const TemporalCoreByteArray *details) {
  (void)status;
  bool failed = success == NULL;
  free_bytes(success);
  free_bytes(message);
  free_bytes(details);
  answered((Call *)user_data, NULL, failed);
}

static UNUSED void on_poll(void *user_data, const TemporalCoreByteArray *success,
                           const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(success);
  free_bytes(fail);
  answered((Call *)user_data, NULL, failed);
}

static UNUSED void on_done(void *user_data, const TemporalCoreByteArray *fail) {
  bool failed = fail != NULL;
  free_bytes(fail);
  answered((Call *)user_data, NULL, failed);
}

/* Answers each RPC at once: polls with `not found`, all others with an empty message. */
static UNUSED void on_request(TemporalCoreClientGrpcOverrideRequest *request, void *user_data) {
  (void)user_data;
  TemporalCoreByteArrayRef rpc = temporal_core_client_grpc_override_request_rpc(request);
  TemporalCoreClientGrpcOverrideResponse response;
  memset(&response, 0, sizeof response);
  if (rpc.size >= 4 && memcmp(rpc.data, "Poll", 4) == 0) {
    response.status_code = 5;
    response.fail_message = ref("nothing to poll for");
  }
  temporal_core_client_grpc_override_request_respond(request, response);
}

#endif
