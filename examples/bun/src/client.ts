/** A connection to a Temporal server. */

import { hostname } from "node:os";
import * as bridge from "./bridge.ts";
import type { Handle } from "./bridge.ts";
import type { Json } from "./payload.ts";
import * as service from "./workflow-service.ts";
import type { Execution } from "./workflow-service.ts";

/** TEMPORAL_ZIG_SERVICE_WORKFLOW of the bridge's header. */
const WORKFLOW_SERVICE = 1;
/** Milliseconds; longer than the server makes a poll for a workflow's end wait. */
const CALL_TIMEOUT = 60_000;

export interface ConnectOptions {
  readonly namespace?: string;
  /** Longest wait, in milliseconds. */
  readonly timeout?: number;
}

export interface WorkflowOptions {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly input?: readonly Json[];
}

/** A workflow did not complete. */
export class WorkflowFailedError extends Error {
  override readonly name = "WorkflowFailedError";
}

export class Client {
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  private constructor(
    /** For workers; it is gone with `close`. */
    readonly bridge: Handle,
    readonly namespace: string,
  ) {}

  /**
   * Connects.
   *
   * @param url `http://host:port`.
   * @throws BridgeError There is no connection: no server there, a malformed URL.
   */
  static async connect(url: string, options: ConnectOptions = {}): Promise<Client> {
    const connected = await bridge.connect(url, options.timeout ?? 10_000);
    return new Client(connected, options.namespace ?? "default");
  }

  /**
   * Starts a workflow.
   *
   * @throws BridgeError The server refuses.
   */
  async startWorkflow(options: WorkflowOptions): Promise<Execution> {
    const request = service.startWorkflow({
      input: [],
      ...options,
      namespace: this.namespace,
      identity: `${process.pid}@${hostname()}`,
      requestId: crypto.randomUUID(),
    });
    const response = await this.#call("StartWorkflowExecution", request);
    const { workflowId } = options;
    return { namespace: this.namespace, workflowId, runId: service.runId(response) };
  }

  /**
   * Waits for the end of a workflow.
   *
   * @throws WorkflowFailedError It ended without a result.
   * @throws BridgeError There is no such workflow, or no server any more.
   */
  async result(execution: Execution): Promise<Json> {
    let pageToken = new Uint8Array();
    for (;;) {
      const request = service.awaitEnd(execution, pageToken);
      const response = await this.#call("GetWorkflowExecutionHistory", request);
      const awaited = service.awaited(response);
      switch (awaited.kind) {
        case "completed":
          return awaited.result;
        case "failed":
          throw new WorkflowFailedError(awaited.message);
        case "otherwise":
          throw new WorkflowFailedError(`workflow ${execution.workflowId} was ended by others`);
        case "running":
          pageToken = new Uint8Array(awaited.pageToken);
      }
    }
  }

  /**
   * Closes the connection, when the calls that run have ended: at most `CALL_TIMEOUT` later, if a result
   * is awaited. Its workers have been stopped.
   */
  async close(): Promise<void> {
    this.#checkOpen();
    this.#closed = true;
    await Promise.allSettled(this.#running);
    bridge.free(this.bridge);
  }

  async #call(rpc: string, request: Uint8Array): Promise<Uint8Array> {
    this.#checkOpen();
    const call = bridge.callRpc(this.bridge, WORKFLOW_SERVICE, rpc, request, CALL_TIMEOUT);
    this.#running.add(call);
    try {
      return await call;
    } finally {
      this.#running.delete(call);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error("no call can be made on this client any more: it is closed");
  }
}
