import { expect, test } from "bun:test";
import { Client } from "../src/client.ts";
import { BridgeError, ErrorKind } from "../src/errors.ts";
import { rejection } from "./rejection.ts";

const refusal = (url: string): Promise<unknown> =>
  rejection(Client.connect(url).then((client) => client.close()));

test("where nobody listens the error names the address", async () => {
  const error = await refusal("http://127.0.0.1:0");
  expect(error).toBeInstanceOf(BridgeError);
  expect(error).toMatchObject({ kind: ErrorKind.Connect });
  expect((error as Error).message).toContain("http://127.0.0.1:0");
});

test("an address that is none is named", async () => {
  const error = await refusal("nonsense");
  expect((error as Error).message).toContain("`nonsense` is malformed");
});

test("an address with a NUL is not cut short", async () => {
  expect(String(await refusal("http://127.0.0.1:0\0/"))).toContain("a NUL in");
});
