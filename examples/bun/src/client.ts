/** A connection to a Temporal server. */

import { hostname } from "node:os";
import type { Handle } from "./native.ts";
import type { Json } from "./payload.ts";
import { NativeThread } from "./thread.ts";
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
  private constructor(
    private readonly thread: NativeThread,
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
    const thread = new NativeThread();
    try {
      const bridge = await thread.call("connect", url, options.timeout ?? 10_000);
      return new Client(thread, bridge, options.namespace ?? "default");
    } catch (error) {
      thread.end();
      throw error;
    }
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
    await this.thread.call("bridgeFree", this.bridge);
    this.thread.end();
  }

  #call(rpc: string, request: Uint8Array): Promise<Uint8Array> {
    return this.thread.call("call", this.bridge, WORKFLOW_SERVICE, rpc, request, CALL_TIMEOUT);
  }
}
