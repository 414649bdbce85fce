/**
 * The part of protobuf's wire format that the messages of this example need. In an SDK, use a library instead.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const;

/** A field of a message: an integer, or the bytes of any other type. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** Makes a field that contains a string, bytes, or a message. */
export function bytes(number: number, value: string | Uint8Array): Uint8Array {
  const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return message(tag(number, WireType.Bytes), varint(BigInt(content.length)), content);
}

/** Makes a field that contains a non-negative integer, a boolean, or a value of an enum. */
export function integer(number: number, value: number | boolean): Uint8Array {
  return message(tag(number, WireType.Varint), varint(BigInt(value)));
}

/** Makes a message from these fields. */
export function message(...fields: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(fields));
}

/**
 * Yields the fields of a message, in order.
 *
 * @throws ProtobufError The bytes are not a message.
 */
export function* fields(encoded: Uint8Array): Generator<Field> {
  const reader = new Reader(encoded);
  while (!reader.atEnd()) {
    const key = reader.varint();
    const number = Number(key >> 3n);
    switch (Number(key & 7n)) {
      case WireType.Varint:
        yield { number, value: reader.varint() };
        break;
      case WireType.Fixed64:
        yield { number, value: reader.take(8) };
        break;
      case WireType.Bytes:
        yield { number, value: reader.take(Number(reader.varint())) };
        break;
      case WireType.Fixed32:
        yield { number, value: reader.take(4) };
        break;
      default:
        throw new ProtobufError(`field ${number} has an unknown wire type`);
    }
  }
}

/** Returns the bytes of all fields with this number. */
export function all(encoded: Uint8Array, number: number): Uint8Array[] {
  return [...fields(encoded)]
    .filter((field) => field.number === number)
    .map(({ value }) => {
      if (typeof value === "bigint") throw new ProtobufError(`field ${number} is an integer`);
      return value;
    });
}

/** Returns the bytes of the last field with this number, if there is one. Protobuf uses the last of several. */
export function optional(encoded: Uint8Array, number: number): Uint8Array | undefined {
  return all(encoded, number).at(-1);
}

/** Like `optional`, but returns no bytes if the field is absent: a default is not sent. */
export function one(encoded: Uint8Array, number: number): Uint8Array {
  return optional(encoded, number) ?? new Uint8Array();
}

/** Returns the string in a field, or an empty string if the field is absent. */
export function string(encoded: Uint8Array, number: number): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(one(encoded, number));
}

function tag(number: number, type: number): Uint8Array {
  return varint((BigInt(number) << 3n) | BigInt(type));
}

function varint(value: bigint): Uint8Array {
  const encoded: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    encoded.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Uint8Array.of(...encoded, Number(rest));
}

class Reader {
  #offset = 0;

  constructor(private readonly encoded: Uint8Array) {}

  atEnd(): boolean {
    return this.#offset === this.encoded.length;
  }

  take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.encoded.length) throw new ProtobufError("the message is truncated");
    const taken = this.encoded.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte = 0] = this.take(1);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError("an integer has more than 64 bits");
  }
}
