/* The messages of event_loop.c, written and read by hand. Their field numbers are in the .proto files in
 * `temporal-libs-config --protodir`. For more messages, generate code from these files. */

#ifndef MESSAGES_H
#define MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "temporal-sdk-core-c-bridge.h"

/* A message that is being written. */
struct message {
    uint8_t bytes[1024];
    size_t size;
};

/* How a workflow ended. */
enum end { NOT_YET, COMPLETED, ENDED_OTHERWISE };

/* Returns a string without its terminating zero. */
TemporalCoreByteArrayRef text(const char *string);

/* Returns the bytes of a message. They are valid as long as the message is. */
TemporalCoreByteArrayRef contents(const struct message *message);

/* Returns the bytes in an event. They are valid until the event is freed. */
TemporalCoreByteArrayRef lent(const TemporalCoreByteArray *bytes);

/* Makes a StartWorkflowExecutionRequest with one argument, which is JSON. The ID is also the task queue's name. */
struct message start_workflow(const char *id, const char *type, const char *argument);

/* Makes a GetWorkflowExecutionHistoryRequest that waits for the workflow to end, for about 20 s. */
struct message await_end(const char *id);

/* Reads a GetWorkflowExecutionHistoryResponse. If the workflow completed, `result` is its result as JSON. */
enum end read_end(TemporalCoreByteArrayRef response, TemporalCoreByteArrayRef *result);

/* Reads a WorkflowActivation, and makes its WorkflowActivationCompletion. This is the workflow: it completes as
 * soon as it starts, and its result is its argument. An eviction needs no commands. */
struct message answer(TemporalCoreByteArrayRef activation);

#endif
