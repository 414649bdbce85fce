/**
 * The client's requests to the server, and the server's responses.
 *
 * Source: temporal.api.workflowservice.v1 and the packages that it uses, https://github.com/temporalio/api. The
 * constants have the names of the messages and of their fields.
 */

import * as payload from "./payload.ts";
import type { Json } from "./payload.ts";
import * as protobuf from "./protobuf.ts";

const Name = { name: 1 } as const; // of WorkflowType, and of TaskQueue
const WorkflowExecution = { workflow_id: 1, run_id: 2 } as const;
const StartWorkflowExecutionRequest = {
  namespace: 1,
  workflow_id: 2,
  workflow_type: 3,
  task_queue: 4,
  input: 5,
  identity: 9,
  request_id: 10,
} as const;
const StartWorkflowExecutionResponse = { run_id: 1 } as const;
const GetWorkflowExecutionHistoryRequest = {
  namespace: 1,
  execution: 2,
  next_page_token: 4,
  wait_new_event: 5,
  history_event_filter_type: 6,
} as const;
const GetWorkflowExecutionHistoryResponse = { history: 1, next_page_token: 3 } as const;
const History = { events: 1 } as const;
const HistoryEvent = { completed: 7, failed: 8 } as const;
const WorkflowExecutionCompletedEventAttributes = { result: 1 } as const;
const WorkflowExecutionFailedEventAttributes = { failure: 1 } as const;
const Failure = { message: 1 } as const;

/** HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT of HistoryEventFilterType. */
const ONLY_THE_CLOSING_EVENT = 2;

/** One run of a workflow. */
export interface Execution {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
}

export interface StartWorkflow {
  readonly namespace: string;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly input: readonly Json[];
  readonly identity: string;
  /** Lets the server recognize a second request with the same ID as a repetition. */
  readonly requestId: string;
}

/** Makes a StartWorkflowExecutionRequest. */
export function startWorkflow(start: StartWorkflow): Uint8Array {
  const field = StartWorkflowExecutionRequest;
  return protobuf.message(
    protobuf.bytes(field.namespace, start.namespace),
    protobuf.bytes(field.workflow_id, start.workflowId),
    protobuf.bytes(field.workflow_type, protobuf.bytes(Name.name, start.workflowType)),
    protobuf.bytes(field.task_queue, protobuf.bytes(Name.name, start.taskQueue)),
    protobuf.bytes(field.input, payload.encodeAll(start.input)),
    protobuf.bytes(field.identity, start.identity),
    protobuf.bytes(field.request_id, start.requestId),
  );
}

/** Reads `run_id` of a StartWorkflowExecutionResponse. */
export function runId(response: Uint8Array): string {
  return protobuf.string(response, StartWorkflowExecutionResponse.run_id);
}

/**
 * Makes a GetWorkflowExecutionHistoryRequest that waits for the workflow to end. If it has not ended after
 * about 20 s, the response has a token for the next request.
 */
export function awaitEnd(execution: Execution, pageToken: Uint8Array): Uint8Array {
  const field = GetWorkflowExecutionHistoryRequest;
  return protobuf.message(
    protobuf.bytes(field.namespace, execution.namespace),
    protobuf.bytes(
      field.execution,
      protobuf.message(
        protobuf.bytes(WorkflowExecution.workflow_id, execution.workflowId),
        protobuf.bytes(WorkflowExecution.run_id, execution.runId),
      ),
    ),
    protobuf.bytes(field.next_page_token, pageToken),
    protobuf.integer(field.wait_new_event, true),
    protobuf.integer(field.history_event_filter_type, ONLY_THE_CLOSING_EVENT),
  );
}

/** How a workflow ended, or the token for the next request. */
export type Awaited =
  | { readonly kind: "completed"; readonly result: Json }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "otherwise" }
  | { readonly kind: "running"; readonly pageToken: Uint8Array };

/** Reads a GetWorkflowExecutionHistoryResponse. */
export function awaited(response: Uint8Array): Awaited {
  const history = protobuf.one(response, GetWorkflowExecutionHistoryResponse.history);
  const event = protobuf.optional(history, History.events);
  if (event === undefined) {
    const token = GetWorkflowExecutionHistoryResponse.next_page_token;
    return { kind: "running", pageToken: protobuf.one(response, token) };
  }
  const completed = protobuf.optional(event, HistoryEvent.completed);
  if (completed !== undefined) {
    const result = protobuf.one(completed, WorkflowExecutionCompletedEventAttributes.result);
    return { kind: "completed", result: payload.decodeFirst(result) };
  }
  const failed = protobuf.optional(event, HistoryEvent.failed);
  if (failed !== undefined) {
    const failure = protobuf.one(failed, WorkflowExecutionFailedEventAttributes.failure);
    return { kind: "failed", message: protobuf.string(failure, Failure.message) };
  }
  return { kind: "otherwise" };
}
