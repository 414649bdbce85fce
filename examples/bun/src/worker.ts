/** A worker for workflows that end with their first task. */

import * as activation from "./activation.ts";
import type { Activation, Status } from "./activation.ts";
import * as bridge from "./bridge.ts";
import type { Handle } from "./bridge.ts";
import type { Client } from "./client.ts";
import { BridgeError, ErrorKind } from "./errors.ts";
import * as payload from "./payload.ts";
import type { Json } from "./payload.ts";

/** A workflow: deterministic, and without timers, activities and signals, which this example lacks. */
export type Workflow = (...input: readonly Json[]) => Json | Promise<Json>;

export interface WorkerOptions {
  readonly taskQueue: string;
  /** By their types. */
  readonly workflows: Readonly<Record<string, Workflow>>;
}

const MAX_CACHED_WORKFLOWS = 100;

export class TemporalWorker {
  /** Settles when the worker has nothing more to do: fulfilled by `stop`, else rejected. */
  readonly ended: Promise<void>;
  #stopped: Promise<void> | undefined;

  private constructor(
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
    const handle = await bridge.newWorker(
      client.bridge,
      client.namespace,
      options.taskQueue,
      MAX_CACHED_WORKFLOWS,
    );
    return new TemporalWorker(handle, options.workflows);
  }

  /**
   * Completes what it has, and ends.
   *
   * @throws Error What had ended it before.
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

  /** The next activation; undefined when there is nothing more to come. */
  async #poll(): Promise<Uint8Array | undefined> {
    try {
      return await bridge.poll(this.handle);
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
