/**
 * Promises for calls of the bridge. A call returns at once, and its result goes to a completion queue. The
 * event loop watches the queue while there are calls, so no thread of this program waits.
 */

import type { Pointer } from "bun:ffi";
import { attempt, library, takeError } from "./native.ts";

interface Call {
  resolve(result: Pointer | null): void;
  reject(reason: unknown): void;
}

const running = new Map<number, Call>();
let started = 0;
let watching = false;
let queue: Pointer | undefined;

/** The only queue of this program. It is never freed. */
function theQueue(): Pointer {
  queue ??= library().temporal_zig_queue_new() as Pointer;
  return queue;
}

/**
 * Starts a call.
 *
 * @param start Calls one of the functions that take a queue, a tag and a place to store an error.
 * @returns The result of the call, if it has one.
 */
export function call(
  start: (queue: Pointer, tag: number, error: BigUint64Array) => number,
): Promise<Pointer | null> {
  return new Promise((resolve, reject) => {
    const tag = started++;
    attempt((error) => start(theQueue(), tag, error));
    running.set(tag, { resolve, reject });
    if (!watching) void watch();
  });
}

/** Settles calls until none is left. Then the program can end. */
async function watch(): Promise<void> {
  watching = true;
  while (running.size > 0) {
    // If no descriptor is available because too many files are open, try again soon.
    await readable().catch(() => Bun.sleep(100));
    settle();
  }
  watching = false;
}

/**
 * Waits until the queue has an event.
 *
 * Nothing may read from the queue's descriptor. Bun does try to read from a descriptor that it watches, but as
 * from a socket, which this is not. So the read fails without consuming anything, and Bun closes the
 * descriptor, which is a duplicate.
 */
async function readable(): Promise<void> {
  const fd = attempt((error) => library().temporal_zig_queue_descriptor(theQueue(), error));
  const closed = Promise.withResolvers<void>();
  const options: Bun.FdSocketOptions<undefined> = {
    fd,
    socket: { data() {}, close: () => closed.resolve() },
  };
  // @types/bun has these options, but not for `connect`.
  await Bun.connect(options as unknown as Bun.TCPSocketConnectOptions<undefined>);
  await closed.promise;
}

/** Takes all events from the queue. */
function settle(): void {
  const event = new BigUint64Array(3); // a TemporalZigEvent
  while (library().temporal_zig_queue_try_next(theQueue(), event) === 1) {
    const [tag, result, error] = Array.from(event, Number) as [number, Pointer | 0, Pointer | 0];
    const call = running.get(tag);
    running.delete(tag);
    if (error !== 0) call?.reject(takeError(error));
    else call?.resolve(result === 0 ? null : result);
  }
}
