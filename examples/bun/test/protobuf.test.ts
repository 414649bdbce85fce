import { describe, expect, test } from "bun:test";
import * as protobuf from "../src/protobuf.ts";

describe("protobuf", () => {
  // The expected bytes are from https://protobuf.dev/programming-guides/encoding/
  test("fields are encoded", () => {
    expect(protobuf.integer(1, 150)).toEqual(Uint8Array.of(0x08, 0x96, 0x01));
    expect(protobuf.integer(16, true)).toEqual(Uint8Array.of(0x80, 0x01, 0x01));
    expect(protobuf.bytes(2, "testing")).toEqual(
      Uint8Array.of(0x12, 0x07, ...new TextEncoder().encode("testing")),
    );
  });

  test("fields are read, including unknown ones", () => {
    const encoded = protobuf.message(
      protobuf.integer(1, 300),
      Uint8Array.of(0x19, 1, 2, 3, 4, 5, 6, 7, 8), // field 3, fixed64
      protobuf.bytes(2, "first"),
      Uint8Array.of(0x25, 1, 2, 3, 4), // field 4, fixed32
      protobuf.bytes(2, "last"),
    );
    expect([...protobuf.fields(encoded)].map(({ number }) => number)).toEqual([1, 3, 2, 4, 2]);
    expect([...protobuf.fields(encoded)][0]?.value).toBe(300n);
    expect(protobuf.all(encoded, 2)).toHaveLength(2);
    expect(protobuf.string(encoded, 2)).toBe("last");
    expect(protobuf.string(encoded, 9)).toBe("");
    expect(protobuf.optional(encoded, 9)).toBeUndefined();
  });

  test("the largest integer is read", () => {
    const encoded = Uint8Array.of(0x08, ...new Uint8Array(9).fill(0xff), 0x01);
    expect([...protobuf.fields(encoded)][0]?.value).toBe(2n ** 64n - 1n);
  });

  test.each([
    ["a tag without a value", [0x08]],
    ["bytes that end too early", [0x12, 0x05, 0x61]],
    ["an integer without an end", [0x08, ...new Uint8Array(11).fill(0xff)]],
    ["a group", [0x0b]],
  ])("%s is refused", (_name, encoded) => {
    expect(() => [...protobuf.fields(Uint8Array.from(encoded))]).toThrow(protobuf.ProtobufError);
  });

  test("an integer where bytes are expected is refused", () => {
    expect(() => protobuf.one(protobuf.integer(1, 7), 1)).toThrow("field 1 is an integer");
  });
});
