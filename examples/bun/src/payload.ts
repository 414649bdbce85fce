/** Arguments and results: JSON in a `temporal.api.common.v1.Payload`, as in the official SDKs. */

import * as protobuf from "./protobuf.ts";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Field numbers of temporal.api.common.v1. */
const Payload = { metadata: 1, data: 2 } as const;
const MetadataEntry = { key: 1, value: 2 } as const;
const Payloads = { payloads: 1 } as const;

const ENCODING = "encoding";
const JSON_PLAIN = "json/plain";

/** Makes a `Payload` with a value. */
export function encode(value: Json): Uint8Array {
  return protobuf.message(
    protobuf.bytes(
      Payload.metadata,
      protobuf.message(
        protobuf.bytes(MetadataEntry.key, ENCODING),
        protobuf.bytes(MetadataEntry.value, JSON_PLAIN),
      ),
    ),
    protobuf.bytes(Payload.data, JSON.stringify(value)),
  );
}

/** Makes a `Payloads` with these values. */
export function encodeAll(values: readonly Json[]): Uint8Array {
  return protobuf.message(
    ...values.map((value) => protobuf.bytes(Payloads.payloads, encode(value))),
  );
}

/**
 * Returns the value in a `Payload`.
 *
 * @throws Error The value is not JSON.
 */
export function decode(payload: Uint8Array): Json {
  const encoding = protobuf
    .all(payload, Payload.metadata)
    .filter((entry) => protobuf.string(entry, MetadataEntry.key) === ENCODING)
    .map((entry) => protobuf.string(entry, MetadataEntry.value))
    .at(-1);
  if (encoding === "binary/null") return null;
  if (encoding !== JSON_PLAIN) {
    throw new Error(`unsupported payload encoding: ${encoding ?? "none"}; expected ${JSON_PLAIN}`);
  }
  return JSON.parse(protobuf.string(payload, Payload.data)) as Json;
}

/** Returns the first value in a `Payloads`, or null if there is none. */
export function decodeFirst(payloads: Uint8Array): Json {
  const [first] = protobuf.all(payloads, Payloads.payloads);
  return first === undefined ? null : decode(first);
}
