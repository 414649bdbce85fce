/** Tests against the server at TEMPORAL_ADDRESS, which is host:port as in the official tools. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client, WorkflowFailedError } from "../src/client.ts";
import { ErrorKind } from "../src/errors.ts";
import type { Json } from "../src/payload.ts";
import { TemporalWorker } from "../src/worker.ts";

const address = process.env.TEMPORAL_ADDRESS;
const NOT_FOUND = 5; // google.rpc.Code
const echo = (...input: readonly Json[]): Json => input;

describe.skipIf(address === undefined)("workflows", () => {
  const taskQueue = `bun-tests-${crypto.randomUUID()}`;
  let client: Client;
  let worker: TemporalWorker;

  beforeAll(async () => {
    client = await Client.connect(`http://${address}`);
    const workflows = {
      echo,
      fail: () => Promise.reject(new Error("on purpose")),
    };
    worker = await TemporalWorker.start(client, { taskQueue, workflows });
  });

  afterAll(async () => {
    await worker.stop();
    await client.close();
  });

  const start = (workflowType: string, ...input: readonly Json[]) =>
    client.startWorkflow({
      workflowId: `${workflowType}-${crypto.randomUUID()}`,
      workflowType,
      taskQueue,
      input,
    });

  test("a workflow gets its input and returns its result", async () => {
    const input = ["ü", { nested: [1, null, "\0"] }, "x".repeat(100_000)];
    expect(await client.result(await start("echo", ...input))).toEqual(input);
  });

  test("many workflows run at the same time", async () => {
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const executions = await Promise.all(numbers.map((n) => start("echo", n)));
    const results = await Promise.all(executions.map((execution) => client.result(execution)));
    expect(results).toEqual(numbers.map((n) => [n]));
  });

  test("awaiting a result does not block other calls", async () => {
    const later = `${taskQueue}-later`;
    const workflow = { workflowId: later, workflowType: "echo", taskQueue: later, input: [2] };
    const awaited = client.result(await client.startWorkflow(workflow));
    expect(await client.result(await start("echo", 1))).toEqual([1]);
    const second = await TemporalWorker.start(client, { taskQueue: later, workflows: { echo } });
    expect(await awaited).toEqual([2]);
    await second.stop();
  });

  test("the caller gets a workflow's error", async () => {
    const result = client.result(await start("fail"));
    await expect(result).rejects.toEqual(new WorkflowFailedError("on purpose"));
  });

  test("an error from the server has its gRPC status", async () => {
    const unknown = {
      namespace: "default",
      workflowId: "unknown",
      runId: crypto.randomUUID(),
    };
    const refusal = { kind: ErrorKind.Rpc, grpcStatus: NOT_FOUND };
    await expect(client.result(unknown)).rejects.toMatchObject(refusal);
  });

  test("a closed client refuses calls", async () => {
    const other = await Client.connect(`http://${address}`);
    await other.close();
    const workflow = { workflowId: "w", workflowType: "t", taskQueue };
    await expect(other.startWorkflow(workflow)).rejects.toThrow("this client is closed");
    await expect(other.close()).rejects.toThrow("this client is closed");
  });

  test("a second worker for the task queue is refused, and the first keeps working", async () => {
    const second = TemporalWorker.start(client, { taskQueue, workflows: {} });
    await expect(second).rejects.toMatchObject({ kind: ErrorKind.Core });
    expect(await client.result(await start("echo"))).toEqual([]);
  });
});
