/** A worker for workflows that end with their first task. */

import * as activation from "./activation.ts";
import type { Activation, Status } from "./activation.ts";
import * as bridge from "./bridge.ts";
import type { Handle } from "./bridge.ts";
import type { Client } from "./client.ts";
import { BridgeError, ErrorKind } from "./errors.ts";
import * as payload from "./payload.ts";
import type { Json } from "./payload.ts";

/** A workflow: deterministic, and without timers, activities and signals, which this example does not support. */
export type Workflow = (...input: readonly Json[]) => Json | Promise<Json>;

export interface WorkerOptions {
  readonly taskQueue: string;
  /** The workflows, by their types. */
  readonly workflows: Readonly<Record<string, Workflow>>;
}

const MAX_CACHED_WORKFLOWS = 100;

export class TemporalWorker {
  /** Settles when the worker ends: fulfilled after `stop`, otherwise rejected. */
  readonly ended: Promise<void>;
  #stopped: Promise<void> | undefined;

  private constructor(
    private readonly handle: Handle,
    private readonly workflows: WorkerOptions["workflows"],
  ) {
    this.ended = this.#serve();
    this.ended.catch(() => {}); // The error goes to whoever awaits this promise or `stop`.
  }

  /**
   * Starts to serve a task queue.
   *
   * @throws BridgeError The namespace does not exist, or the core refuses the options.
   */
  static async start(client: Client, options: WorkerOptions): Promise<TemporalWorker> {
    const handle = await bridge.newWorker(
      client.bridge,
      client.namespace,
      options.taskQueue,
      MAX_CACHED_WORKFLOWS,
    );
    return new TemporalWorker(handle, options.workflows);
  }

  /**
   * Completes the tasks that the worker has, and ends it.
   *
   * @throws Error The error that had already ended the worker.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    bridge.initiateShutdown(this.handle);
    try {
      await this.ended;
      await bridge.finalizeShutdown(this.handle);
    } finally {
      bridge.freeWorker(this.handle);
    }
  }

  async #serve(): Promise<void> {
    for (;;) {
      const polled = await this.#poll();
      if (polled === undefined) return;
      const received = activation.decode(polled);
      const status = await activate(received, this.workflows);
      const completion = activation.complete(received.runId, status);
      await bridge.complete(this.handle, completion);
    }
  }

  /** Returns the next activation, or undefined when the worker is shut down. */
  async #poll(): Promise<Uint8Array | undefined> {
    try {
      return await bridge.poll(this.handle);
    } catch (error) {
      if (error instanceof BridgeError && error.kind === ErrorKind.ShutDown) return undefined;
      throw error;
    }
  }
}

/** Runs the workflows for an activation, and returns their response. */
export async function activate(
  { jobs }: Activation,
  workflows: WorkerOptions["workflows"],
): Promise<Status> {
  for (const job of jobs) {
    switch (job.kind) {
      case "removeFromCache":
        return { kind: "nothing" };
      case "other":
        return { kind: "failTask", message: `this worker cannot handle job ${job.number}` };
      case "initialize": {
        const workflow = workflows[job.workflowType];
        if (workflow === undefined) {
          return { kind: "failTask", message: `this worker has no workflow ${job.workflowType}` };
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
