/** A thread for native calls that block, so that the event loop does not. */

import { BridgeError } from "./errors.ts";
import type { operations } from "./native.ts";

type Operations = typeof operations;
type Name = keyof Operations;

export interface Request {
  readonly id: number;
  readonly name: Name;
  readonly parameters: readonly unknown[];
}

/** An error of the class crosses as its fields: what is cloned between threads loses the class. */
export type Reply = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly bridgeError: Pick<BridgeError, "message" | "kind" | "grpcStatus"> }
  | { readonly error: string }
);

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

export class NativeThread {
  readonly #worker = new Worker(new URL("./native-thread.ts", import.meta.url));
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;

  constructor() {
    this.#worker.onmessage = (event: MessageEvent<Reply>) => this.#settle(event.data);
    this.#worker.onerror = (event) => this.#end(`it failed: ${event.message}`);
  }

  /**
   * Makes a call. Calls of one thread are made one after another.
   *
   * @throws BridgeError What the bridge says.
   * @throws Error The library is not there, or the thread has ended.
   */
  call<N extends Name>(
    name: N,
    ...parameters: Parameters<Operations[N]>
  ): Promise<ReturnType<Operations[N]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, name, parameters } satisfies Request);
    });
  }

  /** Ends the thread. No call is running any more. */
  end(): void {
    this.#end("it is closed");
    this.#worker.terminate();
  }

  #end(why: string): void {
    this.#ended ??= new Error(`no call can be made on this thread any more: ${why}`);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("value" in reply) return waiting?.resolve(reply.value);
    if ("error" in reply) return waiting?.reject(new Error(reply.error));
    const { message, kind, grpcStatus } = reply.bridgeError;
    waiting?.reject(new BridgeError(message, kind, grpcStatus));
  }
}
