/* The protobuf that a worker of no-op workflows needs: it reads a
 * coresdk.workflow_activation.WorkflowActivation and writes the
 * coresdk.workflow_completion.WorkflowActivationCompletion that answers it. */

#ifndef ACTIVATION_H
#define ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ActivationKind {
  ACTIVATION_START,   /* InitializeWorkflow: a workflow begins */
  ACTIVATION_EVICTION /* RemoveFromCache: a workflow leaves the cache */
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

/* Ends the process if the activation is of a kind that no-op workflows do not have. */
Activation read_activation(const uint8_t *bytes, size_t size);

/* For a start: the command CompleteWorkflowExecution. For an eviction: no commands. */
Completion completion_of(const Activation *activation);

/* Leaves a workflow that has started open, and in the worker's cache. */
Completion without_commands(const Activation *activation);

#endif
