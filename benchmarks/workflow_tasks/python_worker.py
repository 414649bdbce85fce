"""Completes no-op workflows through the official Python SDK, as fast as the server gives them.

The twin of worker.c: the same arguments, the same span, the same output.
"""

from __future__ import annotations

import asyncio
import sys
import threading

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.harness.span import Moment, print_span_and_exit


class _Progress:
    """Which workflow's start opens the span, which closes it, and which is the last of all."""

    def __init__(self, warm_up: int, tasks: int, cool_down: int) -> None:
        self._milestones = (warm_up, warm_up + tasks, warm_up + tasks + cool_down)
        self._started = 0
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._all_started = asyncio.Event()
        self._moments: list[Moment] = []

    def workflow_started(self) -> None:
        """Count one; the SDK runs workflows on several threads."""
        with self._lock:
            self._started += 1
            if self._started in self._milestones:
                self._moments.append(Moment.now())
            if self._started == self._milestones[-1]:
                self._loop.call_soon_threadsafe(self._all_started.set)

    async def span(self) -> tuple[Moment, Moment]:
        """Wait until all have begun; then the span's ends."""
        await self._all_started.wait()
        return self._moments[0], self._moments[1]


_progress: _Progress


@workflow.defn(name="NoOp")
class _NoOp:
    @workflow.run
    async def run(self) -> None:
        _progress.workflow_started()


async def _main(address: str, task_queue: str, warm_up: str, tasks: str, cool_down: str) -> None:
    global _progress
    _progress = _Progress(int(warm_up), int(tasks), int(cool_down))
    worker = Worker(
        await Client.connect(address),
        task_queue=task_queue,
        workflows=[_NoOp],
        # worker.c runs nothing in a sandbox either.
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    # Leaving the block waits for the completions that are still on their way.
    async with worker:
        start, end = await _progress.span()
    print_span_and_exit(int(tasks), start, end)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
