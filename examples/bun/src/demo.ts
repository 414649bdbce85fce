#!/usr/bin/env bun
/** Starts a workflow, completes it with its own worker, and prints the result. */

import { parseArgs } from "node:util";
import { Client } from "./client.ts";
import type { Json } from "./payload.ts";
import { TemporalWorker } from "./worker.ts";

function greet(name: Json | undefined): string {
  if (typeof name !== "string") throw new TypeError("greet takes a name");
  return `Hello, ${name}!`;
}

async function demo(url: string, name: string): Promise<Json> {
  const client = await Client.connect(url);
  try {
    const taskQueue = `bun-example-${crypto.randomUUID()}`;
    const worker = await TemporalWorker.start(client, { taskQueue, workflows: { greet } });
    try {
      const execution = await client.startWorkflow({
        workflowId: `greet-${crypto.randomUUID()}`,
        workflowType: "greet",
        taskQueue,
        input: [name],
      });
      console.log(`workflow: ${execution.workflowId}`);
      // If the worker fails, the workflow does not end.
      const failure = worker.ended.then(() => Promise.reject(new Error("the worker stopped")));
      failure.catch(() => {});
      return await Promise.race([client.result(execution), failure]);
    } finally {
      await worker.stop();
    }
  } finally {
    await client.close();
  }
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { server: { type: "string", default: "http://127.0.0.1:7233" } },
  });
  console.log(`result: ${JSON.stringify(await demo(values.server, positionals[0] ?? "Bun"))}`);
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
