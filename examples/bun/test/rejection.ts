/**
 * What a promise is rejected with; undefined if it is fulfilled.
 *
 * Bun's `expect(…).rejects` does not do: while it waits, nothing comes from other threads.
 */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return undefined;
}
