"""Prints how much memory a process of the official Python SDK uses.

The counterpart of memory.c, with the same arguments, steps and output.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Final

from temporalio import workflow
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.harness.span import print_and_exit

# As memory.c.
_SETTLING: Final = 0.5

_started = threading.Semaphore(0)


@workflow.defn(name="NoOp")
class _Waiting:
    @workflow.run
    async def run(self) -> None:
        _started.release()
        await workflow.wait_condition(lambda: False)


def _memory() -> float:
    """Proportional set size, in MB."""
    time.sleep(_SETTLING)
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no Pss in /proc/self/smaps_rollup")


async def _main(address: str, task_queue: str, workflows: str) -> None:
    count = int(workflows)
    steps = {"start": _memory()}
    runtime = Runtime(telemetry=TelemetryConfig())
    steps["runtime"] = _memory()
    client = await Client.connect(address, runtime=runtime)
    await client.service_client.check_health()
    steps["connection"] = _memory()
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[_Waiting],
        # memory.c runs nothing in a sandbox either.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=2 * count,
    )
    steps["worker"] = _memory()
    running = asyncio.ensure_future(worker.run())
    for _ in range(count):
        await asyncio.to_thread(_started.acquire)
    await asyncio.sleep(_SETTLING)  # for the completion of the last
    steps["workflows"] = _memory()
    if running.done():
        running.result()
    print_and_exit(steps)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
