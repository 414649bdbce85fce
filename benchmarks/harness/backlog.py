"""A task queue full of no-op workflows."""

from __future__ import annotations

import asyncio
import uuid

from temporalio.client import Client
from temporalio.service import RPCError

from benchmarks.harness.errors import BenchmarkError

_IN_FLIGHT = 32


def start_workflows(address: str, count: int) -> str:
    """Start workflows of the type ``NoOp`` on a task queue that no worker polls yet.

    Args:
        address: ``host:port`` of the server.
        count: how many.

    Returns:
        The task queue, a new one.

    Raises:
        BenchmarkError: the server refused one.
    """
    task_queue = f"benchmark-{uuid.uuid4()}"
    try:
        asyncio.run(_start(address, task_queue, count))
    except RPCError as error:
        raise BenchmarkError(f"{address} did not start all of {count} workflows: {error}") from None
    return task_queue


async def _start(address: str, task_queue: str, count: int) -> None:
    client = await Client.connect(address)
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for number in left:
            await client.start_workflow("NoOp", id=f"{task_queue}-{number}", task_queue=task_queue)

    await asyncio.gather(*(one_after_the_other() for _ in range(_IN_FLIGHT)))
