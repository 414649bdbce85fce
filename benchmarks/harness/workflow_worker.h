/* A worker for workflows only, with the official Python SDK's defaults. */

#ifndef WORKFLOW_WORKER_H
#define WORKFLOW_WORKER_H

#include "bench.h"

/* Creates and validates it. Ends the process if that fails. */
TemporalCoreWorker *new_workflow_worker(TemporalCoreConnection *connection, const char *task_queue,
                                        size_t cached_workflows);

/* Waits until the worker has completed its tasks, once it has been polled to its shutdown. */
void finalize_worker(TemporalCoreWorker *worker);

#endif
