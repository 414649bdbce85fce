/*
 * The C interface of the Zig bridge: calls to a Temporal server, and workers. Each call has two forms:
 * one blocks until the call has ended; the other, with "start" in its name, returns at once, and you take
 * the result from a queue.
 *
 * SPDX-License-Identifier: MIT
 *
 * Rules for every function:
 *  - Strings are NUL-terminated UTF-8. Arguments only need to stay valid for the duration of the call.
 *    The bridge copies them if it needs them longer.
 *  - A function that can fail returns NULL on failure, or 0 if it returns an integer, and stores
 *    an error in `*error`. Free the error with temporal_zig_error_free. On success, `*error` is not
 *    changed. If you do not need the error, `error` may be NULL.
 *  - The caller owns what a function returns, and frees it once with the `_free` function of its type.
 *    Every `_free` accepts NULL. Workers, bytes and errors can outlive the bridge that they came from.
 *  - You can call any function from any thread. Calls on one bridge or worker can run at the same time,
 *    except polls of one worker. Free a bridge, worker or queue only when no call on it is running. A
 *    started call is running until you take its result.
 *  - Only pointers, integers and one struct of them cross this interface, so that any foreign function
 *    interface can call it. It has no callbacks.
 */

#ifndef TEMPORAL_ZIG_BRIDGE_H
#define TEMPORAL_ZIG_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A runtime of Temporal's core with a connection to a server. */
typedef struct TemporalZigBridge TemporalZigBridge;

/** A worker for the workflow tasks of one task queue. */
typedef struct TemporalZigWorker TemporalZigWorker;

/** Bytes from the server or the core: a serialized protobuf message. */
typedef struct TemporalZigBytes TemporalZigBytes;

/** Why a call failed. */
typedef struct TemporalZigError TemporalZigError;

/** The results of started calls go to a queue. */
typedef struct TemporalZigQueue TemporalZigQueue;

/** The result of a started call. */
typedef struct TemporalZigEvent {
  /** The tag that was passed to the function that started the call. */
  uint64_t tag;
  /**
   * What the blocking function returns: a TemporalZigBridge for temporal_zig_bridge_start_connect,
   * TemporalZigBytes for a call or a poll, a TemporalZigWorker for temporal_zig_worker_start_new. NULL
   * if the call failed, or has no result. Whoever takes the event owns it.
   */
  void *result;
  /** Why the call failed, or NULL if it did not. Whoever takes the event owns it. */
  TemporalZigError *error;
} TemporalZigEvent;

/** The kinds of errors: the values of temporal_zig_error_kind. */
enum {
  /** An argument breaks a rule of this header. Nothing was done. */
  TEMPORAL_ZIG_ERROR_ARGUMENT = 1,
  /** The core did not start, or it refused or gave up the call. The message has the reason. */
  TEMPORAL_ZIG_ERROR_CORE = 2,
  /** No connection: no server at the URL, a malformed URL, or refused credentials. */
  TEMPORAL_ZIG_ERROR_CONNECT = 3,
  /** The call ended with a gRPC status other than OK: see temporal_zig_error_grpc_status. */
  TEMPORAL_ZIG_ERROR_RPC = 4,
  /** No answer within `timeout_millis`. The server may still have processed the request. */
  TEMPORAL_ZIG_ERROR_TIMEOUT = 5,
  /** Out of memory. */
  TEMPORAL_ZIG_ERROR_MEMORY = 6,
  /** The worker is shut down and has returned its last task: there is nothing more to poll for. */
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
 * @param timeout_millis The longest wait; 0 = as long as the core tries.
 */
TemporalZigBridge *temporal_zig_bridge_connect(const char *target_url, uint32_t timeout_millis,
                                               TemporalZigError **error);

/**
 * Calls an RPC. Blocks until answered, failed or timed out. Failures that allow it are retried.
 *
 * @param service        A TEMPORAL_ZIG_SERVICE_* value.
 * @param rpc            The RPC's name as in its .proto file, such as "StartWorkflowExecution".
 * @param request        The serialized protobuf request; may be NULL if `request_size` is 0.
 * @param timeout_millis The longest wait, including retries; 0 = the core's own limits.
 * @return The serialized protobuf response.
 */
TemporalZigBytes *temporal_zig_bridge_call(TemporalZigBridge *bridge, uint32_t service,
                                           const char *rpc, const uint8_t *request,
                                           size_t request_size, uint32_t timeout_millis,
                                           TemporalZigError **error);

/** Closes the connection and stops the runtime's threads. */
void temporal_zig_bridge_free(TemporalZigBridge *bridge);

/**
 * Creates a worker, and asks the server for the namespace. Blocks until answered, failed or timed
 * out. Fails with TEMPORAL_ZIG_ERROR_CORE if the core refuses the options, or the namespace does not
 * exist.
 *
 * The life cycle of a worker: poll and complete until you want to stop; initiate the shutdown; poll
 * and complete until a poll fails with TEMPORAL_ZIG_ERROR_SHUT_DOWN; finalize; free. If you free a
 * worker earlier, the server gives the workflow tasks that it has not completed to another worker.
 *
 * A bridge can have only one worker at a time for a task queue of a namespace.
 *
 * @param namespace_name       The namespace.
 * @param task_queue           The worker takes the workflow tasks of this task queue.
 * @param max_cached_workflows How many workflows to keep between their tasks, at most; 0 = none. Each
 *                             task then has the workflow's whole history.
 * @param timeout_millis       The longest wait; 0 = as long as the core tries.
 */
TemporalZigWorker *temporal_zig_worker_new(TemporalZigBridge *bridge, const char *namespace_name,
                                           const char *task_queue, uint32_t max_cached_workflows,
                                           uint32_t timeout_millis, TemporalZigError **error);

/**
 * Waits for an activation of a workflow: a task, or its eviction from the cache. Blocks until an
 * activation arrives, or the poll fails, times out or is shut down.
 *
 * After a TEMPORAL_ZIG_ERROR_TIMEOUT, nothing is lost: the next call returns what arrived in the
 * meantime. Only one thread can poll at a time; a second poll fails with TEMPORAL_ZIG_ERROR_ARGUMENT.
 *
 * @param timeout_millis The longest wait; 0 = until an activation arrives or the worker is shut down.
 * @return A serialized coresdk.workflow_activation.WorkflowActivation. Complete it, even if it is an
 *         eviction, with temporal_zig_worker_complete_workflow_activation.
 */
TemporalZigBytes *temporal_zig_worker_poll_workflow_activation(TemporalZigWorker *worker,
                                                               uint32_t timeout_millis,
                                                               TemporalZigError **error);

/**
 * Completes an activation. Blocks until the server has the completion, or the call fails or times out. If
 * the bytes are not a completion, it fails with TEMPORAL_ZIG_ERROR_CORE, and you still have to complete the
 * activation. If the server refuses the completion, or does not receive it, the call succeeds, and an
 * eviction follows.
 *
 * @param completion     A serialized coresdk.workflow_completion.WorkflowActivationCompletion; may
 *                       be NULL if `completion_size` is 0.
 * @param timeout_millis The longest wait; 0 = as long as the core tries. The core continues to try
 *                       after a TEMPORAL_ZIG_ERROR_TIMEOUT.
 * @return 1, or 0 on failure.
 */
int32_t temporal_zig_worker_complete_workflow_activation(TemporalZigWorker *worker,
                                                         const uint8_t *completion,
                                                         size_t completion_size,
                                                         uint32_t timeout_millis,
                                                         TemporalZigError **error);

/**
 * Begins the shutdown: the worker takes no new tasks, and its polls end when its tasks are
 * completed. Does not block. You can call it again; NULL is ignored.
 */
void temporal_zig_worker_initiate_shutdown(TemporalZigWorker *worker);

/**
 * Ends the shutdown. Call it after a poll has failed with TEMPORAL_ZIG_ERROR_SHUT_DOWN and everything
 * is completed. Earlier, it fails with TEMPORAL_ZIG_ERROR_CORE, and you can try again. Blocks until
 * done, failed or timed out. Afterwards, you can only free the worker.
 *
 * @param timeout_millis The longest wait; 0 = as long as it takes. The shutdown continues after a
 *                       TEMPORAL_ZIG_ERROR_TIMEOUT.
 * @return 1, or 0 on failure.
 */
int32_t temporal_zig_worker_finalize_shutdown(TemporalZigWorker *worker, uint32_t timeout_millis,
                                              TemporalZigError **error);

/** Frees a worker, even if it is not shut down. Can be called before or after its bridge is freed. */
void temporal_zig_worker_free(TemporalZigWorker *worker);

/** Creates a queue for any number of bridges and workers. Never returns NULL. */
TemporalZigQueue *temporal_zig_queue_new(void);

/**
 * Returns a new descriptor that is readable exactly while temporal_zig_queue_try_next has an event to
 * return, for `poll`, `epoll`, `kqueue` or an event loop. Do not read from it; close it when you are
 * done. On Windows, it is the handle of an event object: cast it to `intptr_t`, then to `HANDLE`.
 *
 * @return At least 3, or 0 on failure.
 */
int32_t temporal_zig_queue_descriptor(TemporalZigQueue *queue, TemporalZigError **error);

/**
 * Takes the next event if there is one. Does not block.
 *
 * @param event Set if there is one.
 * @return 1, or 0 if there is none.
 */
int32_t temporal_zig_queue_try_next(TemporalZigQueue *queue, TemporalZigEvent *event);

/** Frees a queue. */
void temporal_zig_queue_free(TemporalZigQueue *queue);

/*
 * The functions that start a call take a queue, a tag, and the parameters of the blocking function,
 * which are documented above. They return 1, and the queue then gets exactly one event with the tag. If
 * the call cannot be started, they return 0 and store an error, and there is no event.
 */

/**
 * @param timeout_millis The longest time until the event; 0 = 180,000. A call that takes longer fails
 *                       with TEMPORAL_ZIG_ERROR_CONNECT.
 */
int32_t temporal_zig_bridge_start_connect(TemporalZigQueue *queue, uint64_t tag,
                                          const char *target_url, uint32_t timeout_millis,
                                          TemporalZigError **error);

/**
 * @param timeout_millis The longest time for an attempt. An attempt that takes longer ends the call with
 *                       gRPC status 1 or 4. Other failures are retried; the last attempt begins within
 *                       22 s. 0 = 30,000, or 70,000 for calls that wait for something to happen.
 */
int32_t temporal_zig_bridge_start_call(TemporalZigQueue *queue, uint64_t tag,
                                       TemporalZigBridge *bridge, uint32_t service,
                                       const char *rpc, const uint8_t *request,
                                       size_t request_size, uint32_t timeout_millis,
                                       TemporalZigError **error);

/** Ends within 180 s. Does not start if the core refuses the options. */
int32_t temporal_zig_worker_start_new(TemporalZigQueue *queue, uint64_t tag,
                                      TemporalZigBridge *bridge, const char *namespace_name,
                                      const char *task_queue, uint32_t max_cached_workflows,
                                      TemporalZigError **error);

/** Ends when an activation arrives, or the worker is shut down. */
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

/** The first byte; do not read it if the size is 0. Valid until `bytes` is freed. */
const uint8_t *temporal_zig_bytes_data(const TemporalZigBytes *bytes);

/** The number of bytes. */
size_t temporal_zig_bytes_size(const TemporalZigBytes *bytes);

void temporal_zig_bytes_free(TemporalZigBytes *bytes);

/** A TEMPORAL_ZIG_ERROR_* value. */
int32_t temporal_zig_error_kind(const TemporalZigError *error);

/** What failed and why, as text for people. Valid until `error` is freed. */
const char *temporal_zig_error_message(const TemporalZigError *error);

/** The gRPC status code of a TEMPORAL_ZIG_ERROR_RPC; 0 for all other kinds. */
uint32_t temporal_zig_error_grpc_status(const TemporalZigError *error);

/**
 * The details of the gRPC status: a serialized google.rpc.Status, which may be empty. NULL for all
 * other kinds. `error` owns them.
 */
const TemporalZigBytes *temporal_zig_error_grpc_details(const TemporalZigError *error);

void temporal_zig_error_free(TemporalZigError *error);

#ifdef __cplusplus
}
#endif

#endif
