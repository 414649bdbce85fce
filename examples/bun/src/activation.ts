/**
 * The messages that a worker polls for and completes.
 *
 * Source: coresdk.workflow_activation, coresdk.workflow_completion and coresdk.workflow_commands in the
 * Rust crate temporalio-protos. The constants have the names of the messages and of their fields.
 */

import * as payload from "./payload.ts";
import type { Json } from "./payload.ts";
import * as protobuf from "./protobuf.ts";

const WorkflowActivation = { run_id: 1, jobs: 5 } as const;
const WorkflowActivationJob = { initialize_workflow: 1, remove_from_cache: 50 } as const;
const InitializeWorkflow = { workflow_type: 1, arguments: 3 } as const;
const WorkflowActivationCompletion = { run_id: 1, successful: 2, failed: 3 } as const;
const Success = { commands: 1 } as const;
const TaskFailure = { failure: 1 } as const;
const WorkflowCommand = { complete_workflow_execution: 6, fail_workflow_execution: 7 } as const;
const CompleteWorkflowExecution = { result: 1 } as const;
const FailWorkflowExecution = { failure: 1 } as const;
const Failure = { message: 1, application_failure_info: 5 } as const;
const ApplicationFailureInfo = { non_retryable: 2 } as const;

export interface Activation {
  readonly runId: string;
  readonly jobs: readonly Job[];
}

export type Job =
  /** The first job of a run. */
  | {
      readonly kind: "initialize";
      readonly workflowType: string;
      readonly input: readonly Uint8Array[];
    }
  /** The last job: forget the run. It is always the only job of its activation. */
  | { readonly kind: "removeFromCache" }
  /** A job that this example does not handle, by its field number. */
  | { readonly kind: "other"; readonly number: number };

/** A workflow's response to an activation. */
export type Status =
  | { readonly kind: "nothing" }
  | { readonly kind: "completeWorkflow"; readonly result: Json }
  | { readonly kind: "failWorkflow"; readonly message: string }
  /** The server shows the message, and retries the task later. */
  | { readonly kind: "failTask"; readonly message: string };

/** Reads a WorkflowActivation. */
export function decode(activation: Uint8Array): Activation {
  return {
    runId: protobuf.string(activation, WorkflowActivation.run_id),
    jobs: protobuf.all(activation, WorkflowActivation.jobs).map(decodeJob),
  };
}

function decodeJob(job: Uint8Array): Job {
  const [variant] = protobuf.fields(job);
  if (variant === undefined) throw new protobuf.ProtobufError("a job has no fields");
  switch (variant.number) {
    case WorkflowActivationJob.initialize_workflow: {
      const initialize = protobuf.one(job, variant.number);
      return {
        kind: "initialize",
        workflowType: protobuf.string(initialize, InitializeWorkflow.workflow_type),
        input: protobuf.all(initialize, InitializeWorkflow.arguments),
      };
    }
    case WorkflowActivationJob.remove_from_cache:
      return { kind: "removeFromCache" };
    default:
      return { kind: "other", number: variant.number };
  }
}

/** Makes a WorkflowActivationCompletion. */
export function complete(runId: string, status: Status): Uint8Array {
  return protobuf.message(
    protobuf.bytes(WorkflowActivationCompletion.run_id, runId),
    encodeStatus(status),
  );
}

function encodeStatus(status: Status): Uint8Array {
  switch (status.kind) {
    case "nothing":
      return successful();
    case "completeWorkflow": {
      const result = payload.encode(status.result);
      return successful(
        protobuf.bytes(
          WorkflowCommand.complete_workflow_execution,
          protobuf.bytes(CompleteWorkflowExecution.result, result),
        ),
      );
    }
    case "failWorkflow": {
      // Not retryable: the same code would fail again.
      const final = protobuf.integer(ApplicationFailureInfo.non_retryable, true);
      const failure = protobuf.message(
        protobuf.bytes(Failure.message, status.message),
        protobuf.bytes(Failure.application_failure_info, final),
      );
      return successful(
        protobuf.bytes(
          WorkflowCommand.fail_workflow_execution,
          protobuf.bytes(FailWorkflowExecution.failure, failure),
        ),
      );
    }
    case "failTask": {
      const failure = protobuf.bytes(Failure.message, status.message);
      return protobuf.bytes(
        WorkflowActivationCompletion.failed,
        protobuf.bytes(TaskFailure.failure, failure),
      );
    }
  }
}

function successful(...commands: readonly Uint8Array[]): Uint8Array {
  return protobuf.bytes(
    WorkflowActivationCompletion.successful,
    protobuf.message(...commands.map((command) => protobuf.bytes(Success.commands, command))),
  );
}
