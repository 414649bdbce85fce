/*
 * C surface of the Zig bridge: blocking calls to a Temporal server.
 *
 * SPDX-License-Identifier: MIT
 *
 * Rules that hold for every function:
 *  - Strings are NUL-terminated UTF-8. What is passed in is lent for the call and copied if needed
 *    for longer.
 *  - A function that can fail returns NULL on failure and stores an error in `*error`, which the
 *    caller frees with temporal_zig_error_free. On success `*error` is left alone. `error` may be
 *    NULL for callers who do not want to know why.
 *  - What a function returns belongs to the caller, who frees it once with the `_free` of its type.
 *    Every `_free` accepts NULL. Bytes and errors outlive the bridge they came from.
 *  - Any function may be called from any thread, and calls on one bridge may run side by side; but
 *    a bridge is freed only when no call on it is running.
 *  - Only pointers and integers cross this interface, so that any foreign function interface can
 *    call it.
 */

#ifndef TEMPORAL_ZIG_BRIDGE_H
#define TEMPORAL_ZIG_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A runtime of Temporal's core, and a connection to a server. */
typedef struct TemporalZigBridge TemporalZigBridge;

/** Bytes that an RPC answered: a serialized protobuf message. */
typedef struct TemporalZigBytes TemporalZigBytes;

/** Why a call failed. */
typedef struct TemporalZigError TemporalZigError;

/** What kind of failure an error is: the values of temporal_zig_error_kind. */
enum {
  /** An argument breaks a rule of this header. Nothing was done. */
  TEMPORAL_ZIG_ERROR_ARGUMENT = 1,
  /** The core did not start, or refused or gave up the call: the message says why. */
  TEMPORAL_ZIG_ERROR_CORE = 2,
  /** No connection: no server there, a malformed URL, refused credentials. */
  TEMPORAL_ZIG_ERROR_CONNECT = 3,
  /** The call ended with a gRPC status other than OK: see temporal_zig_error_grpc_status. */
  TEMPORAL_ZIG_ERROR_RPC = 4,
  /** No answer within `timeout_millis`. The server may yet have done what it was asked. */
  TEMPORAL_ZIG_ERROR_TIMEOUT = 5,
  /** Out of memory. */
  TEMPORAL_ZIG_ERROR_MEMORY = 6
};

/** The services of a Temporal server: the values of the core's TemporalCoreRpcService. */
enum {
  TEMPORAL_ZIG_SERVICE_WORKFLOW = 1,
  TEMPORAL_ZIG_SERVICE_OPERATOR = 2,
  TEMPORAL_ZIG_SERVICE_CLOUD = 3,
  TEMPORAL_ZIG_SERVICE_TEST = 4,
  TEMPORAL_ZIG_SERVICE_HEALTH = 5
};

/**
 * Starts a runtime and connects it to a server. Blocks until connected, failed or timed out.
 *
 * @param target_url     "http://host:port".
 * @param timeout_millis Longest wait; 0 = as long as the core tries.
 */
TemporalZigBridge *temporal_zig_bridge_connect(const char *target_url, uint32_t timeout_millis,
                                               TemporalZigError **error);

/**
 * Calls an RPC. Blocks until answered, failed or timed out. Failures that allow it are retried.
 *
 * @param service        A TEMPORAL_ZIG_SERVICE_* value.
 * @param rpc            The RPC's name as its .proto spells it, such as "StartWorkflowExecution".
 * @param request        The serialized protobuf request; may be NULL if `request_size` is 0.
 * @param timeout_millis Longest wait, retries included; 0 = the core's own limits.
 * @return The serialized protobuf response.
 */
TemporalZigBytes *temporal_zig_bridge_call(TemporalZigBridge *bridge, uint32_t service,
                                           const char *rpc, const uint8_t *request,
                                           size_t request_size, uint32_t timeout_millis,
                                           TemporalZigError **error);

/** Closes the connection and stops the runtime's threads. */
void temporal_zig_bridge_free(TemporalZigBridge *bridge);

/** First byte; not to be read if the size is 0. Valid until `bytes` is freed. */
const uint8_t *temporal_zig_bytes_data(const TemporalZigBytes *bytes);

/** Number of bytes. */
size_t temporal_zig_bytes_size(const TemporalZigBytes *bytes);

void temporal_zig_bytes_free(TemporalZigBytes *bytes);

/** A TEMPORAL_ZIG_ERROR_* value. */
int32_t temporal_zig_error_kind(const TemporalZigError *error);

/** What failed and why, for people. Valid until `error` is freed. */
const char *temporal_zig_error_message(const TemporalZigError *error);

/** The gRPC status code of a TEMPORAL_ZIG_ERROR_RPC; 0 for every other kind. */
uint32_t temporal_zig_error_grpc_status(const TemporalZigError *error);

/**
 * The details that came with the gRPC status: a serialized google.rpc.Status, may be empty. NULL
 * for every other kind. They belong to `error`.
 */
const TemporalZigBytes *temporal_zig_error_grpc_details(const TemporalZigError *error);

void temporal_zig_error_free(TemporalZigError *error);

#ifdef __cplusplus
}
#endif

#endif
