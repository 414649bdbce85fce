/** The functions of the bridge, as promises. Timeouts are in milliseconds. */

import type { Pointer } from "bun:ffi";
import { library, range, takeBytes, text } from "./native.ts";
import { call } from "./queue.ts";

/** The address of a bridge or a worker. */
export type Handle = Pointer;

export async function connect(url: string, timeout: number): Promise<Handle> {
  return given(
    await call((queue, tag, error) =>
      library().temporal_zig_bridge_start_connect(queue, tag, text(url), timeout, error),
    ),
  );
}

export async function callRpc(
  bridge: Handle,
  service: number,
  rpc: string,
  request: Uint8Array,
  timeout: number,
): Promise<Uint8Array> {
  const response = await call((queue, tag, error) =>
    library().temporal_zig_bridge_start_call(
      queue,
      tag,
      bridge,
      service,
      text(rpc),
      ...range(request),
      timeout,
      error,
    ),
  );
  return takeBytes(given(response));
}

/** Call this only when no call on the bridge is running. */
export function free(bridge: Handle): void {
  library().temporal_zig_bridge_free(bridge);
}

export async function newWorker(
  bridge: Handle,
  namespace: string,
  taskQueue: string,
  maxCachedWorkflows: number,
): Promise<Handle> {
  return given(
    await call((queue, tag, error) =>
      library().temporal_zig_worker_start_new(
        queue,
        tag,
        bridge,
        text(namespace),
        text(taskQueue),
        maxCachedWorkflows,
        error,
      ),
    ),
  );
}

export async function poll(worker: Handle): Promise<Uint8Array> {
  return takeBytes(
    given(
      await call((queue, tag, error) =>
        library().temporal_zig_worker_start_poll_workflow_activation(queue, tag, worker, error),
      ),
    ),
  );
}

export async function complete(worker: Handle, completion: Uint8Array): Promise<void> {
  await call((queue, tag, error) =>
    library().temporal_zig_worker_start_complete_workflow_activation(
      queue,
      tag,
      worker,
      ...range(completion),
      error,
    ),
  );
}

/** Begins the shutdown, which ends the worker's polls. */
export function initiateShutdown(worker: Handle): void {
  library().temporal_zig_worker_initiate_shutdown(worker);
}

export async function finalizeShutdown(worker: Handle): Promise<void> {
  await call((queue, tag, error) =>
    library().temporal_zig_worker_start_finalize_shutdown(queue, tag, worker, error),
  );
}

/** Call this only when no call on the worker is running. */
export function freeWorker(worker: Handle): void {
  library().temporal_zig_worker_free(worker);
}

/** The result of a call that always has one. */
function given(result: Pointer | null): Pointer {
  if (result === null) throw new Error("the bridge returned neither a result nor an error");
  return result;
}
