import { expect, test } from "bun:test";
import { Client } from "../src/client.ts";
import { BridgeError, ErrorKind } from "../src/errors.ts";

test("where nobody listens the error names the address", async () => {
  const connected = Client.connect("http://127.0.0.1:0");
  await expect(connected).rejects.toBeInstanceOf(BridgeError);
  await expect(connected).rejects.toMatchObject({ kind: ErrorKind.Connect });
  await expect(connected).rejects.toThrow("http://127.0.0.1:0");
});

test("an address that is none is named", async () => {
  await expect(Client.connect("nonsense")).rejects.toThrow("`nonsense` is malformed");
});

test("an address with a NUL is not cut short", async () => {
  await expect(Client.connect("http://127.0.0.1:0\0/")).rejects.toThrow("a NUL in");
});
