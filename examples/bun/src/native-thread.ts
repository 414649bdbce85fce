/** The other side of thread.ts: makes the calls that it is sent. */

import { BridgeError } from "./errors.ts";
import { operations } from "./native.ts";
import type { Reply, Request } from "./thread.ts";

declare const self: Worker;

function answer({ id, name, parameters }: Request): Reply {
  const operation = operations[name] as (...parameters: readonly unknown[]) => unknown;
  try {
    return { id, value: operation(...parameters) };
  } catch (error) {
    if (error instanceof BridgeError) {
      const { message, kind, grpcStatus } = error;
      return { id, bridgeError: { message, kind, grpcStatus } };
    }
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

self.onmessage = (event: MessageEvent<Request>) => self.postMessage(answer(event.data));
