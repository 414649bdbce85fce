/* As much protobuf as a worker of no-op workflows needs: reading a
 * coresdk.workflow_activation.WorkflowActivation, writing the
 * coresdk.workflow_completion.WorkflowActivationCompletion that answers it. */

#ifndef ACTIVATION_H
#define ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ActivationKind {
  ACTIVATION_START,   /* InitializeWorkflow: a workflow begins */
  ACTIVATION_EVICTION /* RemoveFromCache: a workflow is to be forgotten */
} ActivationKind;

typedef struct Activation {
  ActivationKind kind;
  const uint8_t *run_id; /* within the bytes that were read */
  size_t run_id_size;
} Activation;

typedef struct Completion {
  uint8_t bytes[160];
  size_t size;
} Completion;

/* Ends the process when the activation is of another kind than those of no-op workflows. */
Activation read_activation(const uint8_t *bytes, size_t size);

/* For a start: the command CompleteWorkflowExecution; for an eviction: no commands. */
Completion completion_of(const Activation *activation);

#endif
