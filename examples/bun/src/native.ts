/**
 * The Zig bridge's shared library. None of the functions declared here waits for a server.
 *
 * Source: ../../zig-bridge/include/temporal_zig_bridge.h
 */

import { existsSync } from "node:fs";
import { CString, dlopen, type Pointer, suffix, toArrayBuffer } from "bun:ffi";
import { BridgeError } from "./errors.ts";

const LIBRARY = Bun.fileURLToPath(
  new URL(`../native/lib/libtemporal_zig_bridge.${suffix}`, import.meta.url),
);

function load() {
  if (!existsSync(LIBRARY)) {
    throw new Error(`${LIBRARY} is missing; fix: bun run setup`);
  }
  return dlopen(LIBRARY, {
    temporal_zig_queue_new: { args: [], returns: "ptr" },
    temporal_zig_queue_descriptor: { args: ["ptr", "ptr"], returns: "i32" },
    temporal_zig_queue_try_next: { args: ["ptr", "ptr"], returns: "i32" },
    temporal_zig_bridge_start_connect: {
      args: ["ptr", "u64", "ptr", "u32", "ptr"],
      returns: "i32",
    },
    temporal_zig_bridge_start_call: {
      args: ["ptr", "u64", "ptr", "u32", "ptr", "ptr", "u64", "u32", "ptr"],
      returns: "i32",
    },
    temporal_zig_bridge_free: { args: ["ptr"], returns: "void" },
    temporal_zig_worker_start_new: {
      args: ["ptr", "u64", "ptr", "ptr", "ptr", "u32", "ptr"],
      returns: "i32",
    },
    temporal_zig_worker_start_poll_workflow_activation: {
      args: ["ptr", "u64", "ptr", "ptr"],
      returns: "i32",
    },
    temporal_zig_worker_start_complete_workflow_activation: {
      args: ["ptr", "u64", "ptr", "ptr", "u64", "ptr"],
      returns: "i32",
    },
    temporal_zig_worker_initiate_shutdown: { args: ["ptr"], returns: "void" },
    temporal_zig_worker_start_finalize_shutdown: {
      args: ["ptr", "u64", "ptr", "ptr"],
      returns: "i32",
    },
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

/** The functions. Loaded at the first call, so that the caller gets the error if the library is missing. */
export function library(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/**
 * A string as the header requires it.
 *
 * @throws TypeError The string contains a NUL, where the library would end it.
 */
export function text(value: string): Uint8Array {
  if (value.includes("\0")) throw new TypeError(`${JSON.stringify(value)} contains a NUL`);
  return new TextEncoder().encode(`${value}\0`);
}

/** Bytes as the header requires them: bun:ffi has no address for an empty array. */
export function range(value: Uint8Array): [Uint8Array | null, number] {
  return [value.length === 0 ? null : value, value.length];
}

/** Calls a function, and returns its result. Throws the error that it stores if it returns 0. */
export function attempt(call: (error: BigUint64Array) => number): number {
  const error = new BigUint64Array(1);
  const result = call(error);
  if (result === 0) throw takeError(Number(error[0]) as Pointer);
  return result;
}

/** Copies an error from the library, and frees the original. */
export function takeError(error: Pointer): BridgeError {
  const native = library();
  try {
    const message = native.temporal_zig_error_message(error);
    return new BridgeError(
      message === null ? "unknown" : new CString(message).toString(),
      native.temporal_zig_error_kind(error),
      native.temporal_zig_error_grpc_status(error),
    );
  } finally {
    native.temporal_zig_error_free(error);
  }
}

/** Copies bytes from the library, and frees the original. */
export function takeBytes(bytes: Pointer): Uint8Array {
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
