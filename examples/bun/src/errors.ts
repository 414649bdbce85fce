/** The errors of the Zig bridge: `TEMPORAL_ZIG_ERROR_*` in its header. */

export const ErrorKind = {
  Argument: 1,
  Core: 2,
  Connect: 3,
  Rpc: 4,
  Timeout: 5,
  Memory: 6,
  ShutDown: 7,
} as const;

export class BridgeError extends Error {
  override readonly name = "BridgeError";

  /**
   * @param kind       One of `ErrorKind`.
   * @param grpcStatus The gRPC status code if the kind is `Rpc`, otherwise 0.
   */
  constructor(
    message: string,
    readonly kind: number,
    readonly grpcStatus: number,
  ) {
    super(message);
  }
}
