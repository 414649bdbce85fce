/** A connection to a Temporal server. */

import { hostname } from "node:os";
import * as bridge from "./bridge.ts";
import type { Handle } from "./bridge.ts";
import type { Json } from "./payload.ts";
import * as service from "./workflow-service.ts";
import type { Execution } from "./workflow-service.ts";

/** TEMPORAL_ZIG_SERVICE_WORKFLOW of the bridge's header. */
const WORKFLOW_SERVICE = 1;
/** In milliseconds; longer than the server waits before it answers a poll for a workflow's end. */
const CALL_TIMEOUT = 60_000;

export interface ConnectOptions {
  readonly namespace?: string;
  /** The longest wait, in milliseconds. */
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
    /** For workers, until `close`. */
    readonly bridge: Handle,
    readonly namespace: string,
  ) {}

  /**
   * Connects.
   *
   * @param url `http://host:port`.
   * @throws BridgeError The connection failed: no server at the URL, or a malformed URL.
   */
  static async connect(url: string, options: ConnectOptions = {}): Promise<Client> {
    const connected = await bridge.connect(url, options.timeout ?? 10_000);
    return new Client(connected, options.namespace ?? "default");
  }

  /**
   * Starts a workflow.
   *
   * @throws BridgeError The server refused the request.
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
   * @throws BridgeError The workflow does not exist, or the connection was lost.
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
          throw new WorkflowFailedError(`workflow ${execution.workflowId} ended without a result`);
        case "running":
          pageToken = new Uint8Array(awaited.pageToken);
      }
    }
  }

  /**
   * Closes the connection when all running calls have ended, at most `CALL_TIMEOUT` later if a result is
   * being awaited. Stop its workers first.
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
    if (this.#closed) throw new Error("this client is closed");
  }
}
