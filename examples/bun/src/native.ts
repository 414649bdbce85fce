/**
 * The Zig bridge's shared library, function by function. The calls block: only `thread.ts`, which has
 * them made on other threads, and what its header says does not block belong on the main one.
 *
 * Source: ../../zig-bridge/include/temporal_zig_bridge.h
 */

import { existsSync } from "node:fs";
import { CString, dlopen, type Pointer, suffix, toArrayBuffer } from "bun:ffi";
import { BridgeError } from "./errors.ts";

/** Address of a bridge or of a worker; the same on every thread. */
export type Handle = Pointer;

const LIBRARY = Bun.fileURLToPath(
  new URL(`../native/lib/libtemporal_zig_bridge.${suffix}`, import.meta.url),
);

function load() {
  if (!existsSync(LIBRARY)) {
    throw new Error(`there is no ${LIBRARY}: 'bun run setup' builds it`);
  }
  return dlopen(LIBRARY, {
    temporal_zig_bridge_connect: { args: ["ptr", "u32", "ptr"], returns: "ptr" },
    temporal_zig_bridge_call: {
      args: ["ptr", "u32", "ptr", "ptr", "u64", "u32", "ptr"],
      returns: "ptr",
    },
    temporal_zig_bridge_free: { args: ["ptr"], returns: "void" },
    temporal_zig_worker_new: { args: ["ptr", "ptr", "ptr", "u32", "u32", "ptr"], returns: "ptr" },
    temporal_zig_worker_poll_workflow_activation: { args: ["ptr", "u32", "ptr"], returns: "ptr" },
    temporal_zig_worker_complete_workflow_activation: {
      args: ["ptr", "ptr", "u64", "u32", "ptr"],
      returns: "i32",
    },
    temporal_zig_worker_initiate_shutdown: { args: ["ptr"], returns: "void" },
    temporal_zig_worker_finalize_shutdown: { args: ["ptr", "u32", "ptr"], returns: "i32" },
    temporal_zig_worker_free: { args: ["ptr"], returns: "void" },
    temporal_zig_bytes_data: { args: ["ptr"], returns: "ptr" },
    temporal_zig_bytes_size: { args: ["ptr"], returns: "u64" },
    temporal_zig_bytes_free: { args: ["ptr"], returns: "void" },
    temporal_zig_error_kind: { args: ["ptr"], returns: "i32" },
    temporal_zig_error_message: { args: ["ptr"], returns: "ptr" },
    temporal_zig_error_grpc_status: { args: ["ptr"], returns: "u32" },
    temporal_zig_error_free: { args: ["ptr"], returns: "void" },
  }).symbols;
}

let loaded: ReturnType<typeof load> | undefined;

/** The functions. Loaded when first needed, so that what is missing is the caller's error. */
function library(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/**
 * A string as the header wants it.
 *
 * @throws TypeError It has a NUL, at which the other side would take it to end.
 */
function text(value: string): Uint8Array {
  if (value.includes("\0")) throw new TypeError(`a NUL in ${JSON.stringify(value)}`);
  return new TextEncoder().encode(`${value}\0`);
}

/** Bytes as the header wants them: bun:ffi has no address for an empty array. */
function range(value: Uint8Array): [Uint8Array | null, number] {
  return [value.length === 0 ? null : value, value.length];
}

/** Makes a call that stores an error; its result, which is not NULL. */
function attempt(call: (error: BigUint64Array) => Pointer | number | null): Pointer {
  const error = new BigUint64Array(1);
  const result = call(error);
  if (result) return result as Pointer;

  const { temporal_zig_error_message, ...native } = library();
  const failure = Number(error[0]) as Pointer;
  try {
    const message = temporal_zig_error_message(failure);
    throw new BridgeError(
      message === null ? "unknown" : new CString(message).toString(),
      native.temporal_zig_error_kind(failure),
      native.temporal_zig_error_grpc_status(failure),
    );
  } finally {
    native.temporal_zig_error_free(failure);
  }
}

/** Copies bytes of the other side, and frees them there. */
function take(bytes: Pointer): Uint8Array {
  const native = library();
  try {
    const size = Number(native.temporal_zig_bytes_size(bytes));
    const data = native.temporal_zig_bytes_data(bytes);
    if (size === 0 || data === null) return new Uint8Array();
    return new Uint8Array(toArrayBuffer(data, 0, size)).slice();
  } finally {
    native.temporal_zig_bytes_free(bytes);
  }
}

/** The functions of the header by their names without the prefix; timeouts are in milliseconds. */
export const operations = {
  connect(url: string, timeout: number): Handle {
    return attempt((error) => library().temporal_zig_bridge_connect(text(url), timeout, error));
  },

  call(
    bridge: Handle,
    service: number,
    rpc: string,
    request: Uint8Array,
    timeout: number,
  ): Uint8Array {
    const [data, size] = range(request);
    return take(
      attempt((error) =>
        library().temporal_zig_bridge_call(
          bridge,
          service,
          text(rpc),
          data,
          size,
          timeout,
          error,
        ),
      ),
    );
  },

  bridgeFree(bridge: Handle): void {
    library().temporal_zig_bridge_free(bridge);
  },

  workerNew(
    bridge: Handle,
    namespace: string,
    taskQueue: string,
    maxCachedWorkflows: number,
    timeout: number,
  ): Handle {
    return attempt((error) =>
      library().temporal_zig_worker_new(
        bridge,
        text(namespace),
        text(taskQueue),
        maxCachedWorkflows,
        timeout,
        error,
      ),
    );
  },

  workerPoll(worker: Handle, timeout: number): Uint8Array {
    return take(
      attempt((error) =>
        library().temporal_zig_worker_poll_workflow_activation(worker, timeout, error),
      ),
    );
  },

  workerComplete(worker: Handle, completion: Uint8Array, timeout: number): void {
    const [data, size] = range(completion);
    attempt((error) =>
      library().temporal_zig_worker_complete_workflow_activation(
        worker,
        data,
        size,
        timeout,
        error,
      ),
    );
  },

  workerFinalizeShutdown(worker: Handle, timeout: number): void {
    attempt((error) =>
      library().temporal_zig_worker_finalize_shutdown(worker, timeout, error),
    );
  },

  workerFree(worker: Handle): void {
    library().temporal_zig_worker_free(worker);
  },
};

/** Has the polls of a worker end. Does not block. */
export function initiateShutdown(worker: Handle): void {
  library().temporal_zig_worker_initiate_shutdown(worker);
}
