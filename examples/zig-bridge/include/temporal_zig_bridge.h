/*
 * C surface of the Zig bridge: calls to a Temporal server, and workers. Each call comes in two forms:
 * one blocks until it has ended; the other, with "start" in its name, returns at once, and its result is
 * taken from a queue.
 *
 * SPDX-License-Identifier: MIT
 *
 * Rules that hold for every function:
 *  - Strings are NUL-terminated UTF-8. What is passed in is lent for the call and copied if needed
 *    for longer.
 *  - A function that can fail returns NULL on failure, or 0 if it has nothing to give, and stores
 *    an error in `*error`, which the caller frees with temporal_zig_error_free. On success `*error`
 *    is left alone. `error` may be NULL for callers who do not want to know why.
 *  - What a function returns belongs to the caller, who frees it once with the `_free` of its type.
 *    Every `_free` accepts NULL. Workers, bytes and errors outlive the bridge they came from.
 *  - Any function may be called from any thread, and calls on one bridge or worker may run side by
 *    side, polls of one worker excepted; but a bridge, worker or queue is freed only when no call on
 *    it is running. A call that was started is running until its result is taken.
 *  - Only pointers, integers and one struct of them cross this interface, so that any foreign function
 *    interface can call it. It calls nobody back.
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

/** A worker for the workflow tasks of one task queue. */
typedef struct TemporalZigWorker TemporalZigWorker;

/** Bytes from the server or the core: a serialized protobuf message. */
typedef struct TemporalZigBytes TemporalZigBytes;

/** Why a call failed. */
typedef struct TemporalZigError TemporalZigError;

/** Where calls that were started leave their results. */
typedef struct TemporalZigQueue TemporalZigQueue;

/** What has come of a call that was started. */
typedef struct TemporalZigEvent {
  /** As given to the function that started the call. */
  uint64_t tag;
  /**
   * What the function that blocks returns: a TemporalZigBridge for temporal_zig_bridge_start_connect,
   * TemporalZigBytes for a call or a poll, a TemporalZigWorker for temporal_zig_worker_start_new. NULL
   * if the call failed, or has nothing to give. It belongs to who took the event.
   */
  void *result;
  /** Why the call failed; NULL: it did not. It belongs to who took the event. */
  TemporalZigError *error;
} TemporalZigEvent;

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
  TEMPORAL_ZIG_ERROR_MEMORY = 6,
  /** The worker is shut down and has given its last task: there is nothing more to poll for. */
  TEMPORAL_ZIG_ERROR_SHUT_DOWN = 7
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

/**
 * Makes a worker, and asks the server for the namespace. Blocks until answered, failed or timed
 * out; options that the core refuses, and a namespace that is not there, are a
 * TEMPORAL_ZIG_ERROR_CORE.
 *
 * A worker's life: poll and complete until its end is wanted; initiate the shutdown; poll and
 * complete until a poll fails with TEMPORAL_ZIG_ERROR_SHUT_DOWN; finalize; free. Workflow tasks
 * that a worker which is freed earlier has not completed are given to another by the server.
 *
 * A bridge has at most one worker at a time for a task queue of a namespace.
 *
 * @param namespace_name       The namespace.
 * @param task_queue           The task queue whose workflow tasks the worker takes.
 * @param max_cached_workflows Most workflows to keep between their tasks; 0 = none: each task then
 *                             brings the workflow's whole history.
 * @param timeout_millis       Longest wait; 0 = as long as the core tries.
 */
TemporalZigWorker *temporal_zig_worker_new(TemporalZigBridge *bridge, const char *namespace_name,
                                           const char *task_queue, uint32_t max_cached_workflows,
                                           uint32_t timeout_millis, TemporalZigError **error);

/**
 * Waits for something to do with a workflow: a task, or its eviction from the cache. Blocks until
 * there is something, failed, timed out or shut down.
 *
 * A TEMPORAL_ZIG_ERROR_TIMEOUT loses nothing: the next call gets what came meanwhile. Only one
 * thread polls at a time; another is refused with TEMPORAL_ZIG_ERROR_ARGUMENT.
 *
 * @param timeout_millis Longest wait; 0 = until there is something or the worker is shut down.
 * @return A serialized coresdk.workflow_activation.WorkflowActivation, to be answered with
 *         temporal_zig_worker_complete_workflow_activation, evictions too.
 */
TemporalZigBytes *temporal_zig_worker_poll_workflow_activation(TemporalZigWorker *worker,
                                                               uint32_t timeout_millis,
                                                               TemporalZigError **error);

/**
 * Completes what a poll gave. Blocks until the server has been told, failed or timed out. Bytes
 * that are no completion are a TEMPORAL_ZIG_ERROR_CORE, and the activation is still to be
 * completed. A completion that the server refuses, or that does not reach it, is no failure: an
 * eviction follows.
 *
 * @param completion     A serialized coresdk.workflow_completion.WorkflowActivationCompletion; may
 *                       be NULL if `completion_size` is 0.
 * @param timeout_millis Longest wait; 0 = as long as the core tries. The core goes on trying after
 *                       a TEMPORAL_ZIG_ERROR_TIMEOUT.
 * @return 1, or 0 on failure.
 */
int32_t temporal_zig_worker_complete_workflow_activation(TemporalZigWorker *worker,
                                                         const uint8_t *completion,
                                                         size_t completion_size,
                                                         uint32_t timeout_millis,
                                                         TemporalZigError **error);

/**
 * Begins the shutdown: the worker takes no new tasks, and its polls end once what it has is
 * completed. Does not block. May be repeated; NULL is ignored.
 */
void temporal_zig_worker_initiate_shutdown(TemporalZigWorker *worker);

/**
 * Ends the shutdown, when a poll has failed with TEMPORAL_ZIG_ERROR_SHUT_DOWN and everything is
 * completed; earlier it fails with TEMPORAL_ZIG_ERROR_CORE, and may be tried again. Blocks until
 * done, failed or timed out. Afterwards the worker can only be freed.
 *
 * @param timeout_millis Longest wait; 0 = as long as it takes. The end goes on after a
 *                       TEMPORAL_ZIG_ERROR_TIMEOUT.
 * @return 1, or 0 on failure.
 */
int32_t temporal_zig_worker_finalize_shutdown(TemporalZigWorker *worker, uint32_t timeout_millis,
                                              TemporalZigError **error);

/** Frees a worker, shut down or not, before or after its bridge. */
void temporal_zig_worker_free(TemporalZigWorker *worker);

/** Makes a queue. It serves any number of bridges and workers. Never NULL. */
TemporalZigQueue *temporal_zig_queue_new(void);

/**
 * A new descriptor that is readable exactly while temporal_zig_queue_try_next has an event to give,
 * for `poll`, `epoll`, `kqueue` or an event loop. Do not read from it; close it when you are done. On
 * Windows, it is the handle of an event object: cast it to `intptr_t`, then to `HANDLE`.
 *
 * @return At least 3, or 0 on failure.
 */
int32_t temporal_zig_queue_descriptor(TemporalZigQueue *queue, TemporalZigError **error);

/**
 * Takes the next event if there is one. Does not block.
 *
 * @param event Written to if there is one.
 * @return 1, or 0 if there is none.
 */
int32_t temporal_zig_queue_try_next(TemporalZigQueue *queue, TemporalZigEvent *event);

/** Frees a queue. */
void temporal_zig_queue_free(TemporalZigQueue *queue);

/*
 * The functions that start a call take a queue, a tag, and what the function that blocks takes; see
 * there for more. They return 1, and then the queue gives exactly one event with the tag; or 0 and an
 * error if the call could not be started, and then there is no event.
 */

/**
 * @param timeout_millis Longest time until the event; 0 = 180,000. What takes longer fails with
 *                       TEMPORAL_ZIG_ERROR_CONNECT.
 */
int32_t temporal_zig_bridge_start_connect(TemporalZigQueue *queue, uint64_t tag,
                                          const char *target_url, uint32_t timeout_millis,
                                          TemporalZigError **error);

/**
 * @param timeout_millis Longest time that an attempt may take. One that takes longer ends the call with
 *                       gRPC status 1 or 4; after other failures, which are retried, the last attempt
 *                       begins within 22 s. 0 = 30,000, or 70,000 for calls that wait for something to
 *                       happen.
 */
int32_t temporal_zig_bridge_start_call(TemporalZigQueue *queue, uint64_t tag,
                                       TemporalZigBridge *bridge, uint32_t service,
                                       const char *rpc, const uint8_t *request,
                                       size_t request_size, uint32_t timeout_millis,
                                       TemporalZigError **error);

/** Ends within 180 s. With options that the core refuses it does not start. */
int32_t temporal_zig_worker_start_new(TemporalZigQueue *queue, uint64_t tag,
                                      TemporalZigBridge *bridge, const char *namespace_name,
                                      const char *task_queue, uint32_t max_cached_workflows,
                                      TemporalZigError **error);

/** Ends when there is something, or the worker is shut down. */
int32_t temporal_zig_worker_start_poll_workflow_activation(TemporalZigQueue *queue, uint64_t tag,
                                                           TemporalZigWorker *worker,
                                                           TemporalZigError **error);

/** Ends within 52 s. */
int32_t temporal_zig_worker_start_complete_workflow_activation(
    TemporalZigQueue *queue, uint64_t tag, TemporalZigWorker *worker, const uint8_t *completion,
    size_t completion_size, TemporalZigError **error);

/** Ends within 60 s. */
int32_t temporal_zig_worker_start_finalize_shutdown(TemporalZigQueue *queue, uint64_t tag,
                                                    TemporalZigWorker *worker,
                                                    TemporalZigError **error);

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
