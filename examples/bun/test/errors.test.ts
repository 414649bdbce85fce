import { expect, test } from "bun:test";
import { Client } from "../src/client.ts";
import { BridgeError, ErrorKind } from "../src/errors.ts";

test("the error names the URL if no server listens there", async () => {
  const connected = Client.connect("http://127.0.0.1:0");
  await expect(connected).rejects.toBeInstanceOf(BridgeError);
  await expect(connected).rejects.toMatchObject({ kind: ErrorKind.Connect });
  await expect(connected).rejects.toThrow("http://127.0.0.1:0");
});

test("the error names a malformed URL", async () => {
  await expect(Client.connect("nonsense")).rejects.toThrow("`nonsense` is malformed");
});

test("a URL with a NUL is refused", async () => {
  await expect(Client.connect("http://127.0.0.1:0\0/")).rejects.toThrow("contains a NUL");
});
