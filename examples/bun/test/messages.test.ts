import { describe, expect, test } from "bun:test";
import * as activation from "../src/activation.ts";
import * as payload from "../src/payload.ts";
import { activate } from "../src/worker.ts";
import * as service from "../src/workflow-service.ts";

/** Returns the bytes of a string with one character per byte. */
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const TEN = "\x0a\x16\x0a\x08encoding\x12\x0ajson/plain\x12\x0210";

// The expected bytes are from Python's protobuf library, for the same messages.
describe("requests", () => {
  test("StartWorkflowExecutionRequest", () => {
    const request = service.startWorkflow({
      namespace: "ns",
      workflowId: "w",
      workflowType: "t",
      taskQueue: "u",
      input: [10],
      identity: "i",
      requestId: "q",
    });
    const start = '\x0a\x02ns\x12\x01w\x1a\x03\x0a\x01t"\x03\x0a\x01u*\x1e\x0a\x1c';
    expect(request).toEqual(latin1(`${start}${TEN}J\x01iR\x01q`));
  });

  test("GetWorkflowExecutionHistoryRequest", () => {
    const execution = { namespace: "ns", workflowId: "w", runId: "r" };
    expect(service.awaitEnd(execution, latin1("p"))).toEqual(
      latin1('\x0a\x02ns\x12\x06\x0a\x01w\x12\x01r"\x01p(\x010\x02'),
    );
  });
});

describe("activations", () => {
  const started = activation.decode(
    latin1(
      `\x0a\x01r\x12\x02\x08\x05 \x03*@\x0a>\x0a\x0dZigBridgeDemo\x12\x01w\x1a\x1c${TEN}` +
        " \x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x88\x01\x01",
    ),
  );
  const evicted = activation.decode(latin1("\x0a\x01r*\x0b\x92\x03\x08\x0a\x04full\x10\x01"));
  const signaled = activation.decode(latin1("\x0a\x01r*\x05:\x03\x0a\x01s"));

  test("the jobs are read", () => {
    expect(started.runId).toBe("r");
    expect(started.jobs).toMatchObject([{ kind: "initialize", workflowType: "ZigBridgeDemo" }]);
    expect(evicted.jobs).toEqual([{ kind: "removeFromCache" }]);
    expect(signaled.jobs).toEqual([{ kind: "other", number: 7 }]);
  });

  test("a workflow's result completes it", async () => {
    const workflows = { ZigBridgeDemo: (n: payload.Json | undefined) => Number(n) * 2 };
    expect(await activate(started, workflows)).toEqual({ kind: "completeWorkflow", result: 20 });
  });

  test("a workflow that throws fails", async () => {
    const workflows = { ZigBridgeDemo: () => Promise.reject(new Error("no")) };
    expect(await activate(started, workflows)).toEqual({ kind: "failWorkflow", message: "no" });
  });

  test("an unknown workflow or job fails the task", async () => {
    expect(await activate(started, {})).toMatchObject({ kind: "failTask" });
    expect(await activate(signaled, {})).toMatchObject({ kind: "failTask" });
    expect(await activate(evicted, {})).toEqual({ kind: "nothing" });
  });
});

describe("completions", () => {
  test.each<[activation.Status, string]>([
    [{ kind: "nothing" }, "\x12\x00"],
    [{ kind: "completeWorkflow", result: 10 }, `\x12"\x0a 2\x1e\x0a\x1c${TEN}`],
    [{ kind: "failWorkflow", message: "m" }, "\x12\x0d\x0a\x0b:\x09\x0a\x07\x0a\x01m*\x02\x10\x01"],
    [{ kind: "failTask", message: "m" }, "\x1a\x05\x0a\x03\x0a\x01m"],
  ])("%j", (status, expected) => {
    expect(activation.complete("r", status)).toEqual(latin1(`\x0a\x01r${expected}`));
  });
});

describe("payloads", () => {
  test.each([[null], [true], [1.5], ["ü"], [[1, { a: [] }]]])("%j is decoded as it was encoded", (value) => {
    expect(payload.decode(payload.encode(value))).toEqual(value);
    expect(payload.decodeFirst(payload.encodeAll([value, "more"]))).toEqual(value);
  });

  test("the first of no payloads is null", () => expect(payload.decodeFirst(new Uint8Array())).toBeNull());

  test("the error names an encoding other than JSON", () => {
    const other = latin1("\x0a\x1a\x0a\x08encoding\x12\x0ebinary/unknown");
    expect(() => payload.decode(other)).toThrow("unsupported payload encoding: binary/unknown");
  });
});
