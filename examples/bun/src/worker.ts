/** A worker for workflows that end with their first task. */

import * as activation from "./activation.ts";
import type { Activation, Status } from "./activation.ts";
import type { Client } from "./client.ts";
import { BridgeError, ErrorKind } from "./errors.ts";
import { type Handle, initiateShutdown } from "./native.ts";
import * as payload from "./payload.ts";
import type { Json } from "./payload.ts";
import { NativeThread } from "./thread.ts";

/** A workflow: deterministic, and without timers, activities and signals, which this example lacks. */
export type Workflow = (...input: readonly Json[]) => Json | Promise<Json>;

export interface WorkerOptions {
  readonly taskQueue: string;
  /** By their types. */
  readonly workflows: Readonly<Record<string, Workflow>>;
}

/** Milliseconds that making a worker, completing a task and ending the worker may take. */
const TIMEOUT = 30_000;
const UNTIL_THERE_IS_SOMETHING = 0;
const MAX_CACHED_WORKFLOWS = 100;

export class TemporalWorker {
  /** Settles when the worker has nothing more to do: fulfilled by `stop`, else rejected. */
  readonly ended: Promise<void>;

  private constructor(
    private readonly thread: NativeThread,
    private readonly handle: Handle,
    private readonly workflows: WorkerOptions["workflows"],
  ) {
    this.ended = this.#serve();
    this.ended.catch(() => {}); // Who awaits it, or `stop`, is told.
  }

  /**
   * Starts to serve a task queue.
   *
   * @throws BridgeError The namespace is not there, or the core refuses.
   */
  static async start(client: Client, options: WorkerOptions): Promise<TemporalWorker> {
    const thread = new NativeThread();
    try {
      const handle = await thread.call(
        "workerNew",
        client.bridge,
        client.namespace,
        options.taskQueue,
        MAX_CACHED_WORKFLOWS,
        TIMEOUT,
      );
      return new TemporalWorker(thread, handle, options.workflows);
    } catch (error) {
      thread.end();
      throw error;
    }
  }

  /**
   * Completes what it has, and ends.
   *
   * @throws Error What had ended it before.
   */
  async stop(): Promise<void> {
    initiateShutdown(this.handle);
    try {
      await this.ended;
      await this.thread.call("workerFinalizeShutdown", this.handle, TIMEOUT);
    } finally {
      await this.thread.call("workerFree", this.handle);
      this.thread.end();
    }
  }

  async #serve(): Promise<void> {
    for (;;) {
      const polled = await this.#poll();
      if (polled === undefined) return;
      const received = activation.decode(polled);
      const status = await activate(received, this.workflows);
      const completion = activation.complete(received.runId, status);
      await this.thread.call("workerComplete", this.handle, completion, TIMEOUT);
    }
  }

  /** The next activation; undefined when there is nothing more to come. */
  async #poll(): Promise<Uint8Array | undefined> {
    try {
      return await this.thread.call("workerPoll", this.handle, UNTIL_THERE_IS_SOMETHING);
    } catch (error) {
      if (error instanceof BridgeError && error.kind === ErrorKind.ShutDown) return undefined;
      throw error;
    }
  }
}

/** What the workflows answer to an activation. */
export async function activate(
  { jobs }: Activation,
  workflows: WorkerOptions["workflows"],
): Promise<Status> {
  for (const job of jobs) {
    switch (job.kind) {
      case "removeFromCache":
        return { kind: "nothing" };
      case "other":
        return { kind: "failTask", message: `this worker does not know job ${job.number}` };
      case "initialize": {
        const workflow = workflows[job.workflowType];
        if (workflow === undefined) {
          return { kind: "failTask", message: `there is no workflow ${job.workflowType}` };
        }
        try {
          const result = await workflow(...job.input.map(payload.decode));
          return { kind: "completeWorkflow", result };
        } catch (error) {
          return { kind: "failWorkflow", message: error instanceof Error ? error.message : `${error}` };
        }
      }
    }
  }
  return { kind: "nothing" };
}
