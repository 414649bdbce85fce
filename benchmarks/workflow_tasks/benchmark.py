"""No-op workflows, polled and completed, compared with the official Python SDK."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.harness.backlog import start_workflows
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import rates
from benchmarks.harness.comparison import Comparison, Contender, compare
from benchmarks.harness.libraries import WORKER_SOURCES
from tools.dev_server import NO_RATE_LIMITS, DevServer, running_dev_server

#: The C files of the worker.
SOURCES = (Path(__file__).with_name("worker.c"), *WORKER_SOURCES)
_WARM_UP, _TASKS, _COOL_DOWN = 50, 400, 50


def _measure(run: Run) -> list[Comparison]:
    workers = run.link_each(SOURCES)
    counts = [run.scaled(count) for count in (_WARM_UP, _TASKS, _COOL_DOWN)]
    with running_dev_server(dynamic_config=NO_RATE_LIMITS, progress=run.say) as server:

        def contender(name: str, program: list[str | Path]) -> Contender:
            return Contender(name, partial(_sample, server, program, counts))

        python = [sys.executable, "-m", "benchmarks.workflow_tasks.python_worker", server.address]
        contenders = [
            *(contender(name, [worker, server.url]) for name, worker in workers.items()),
            contender("Python SDK", [*python]),
        ]
        return compare("no-op workflow", contenders, run.in_rounds())


def _sample(server: DevServer, program: list[str | Path], counts: list[int]) -> Mapping[str, float]:
    task_queue = start_workflows(server.address, sum(counts))
    return rates("workflow task", [*program, task_queue, *map(str, counts)])


BENCHMARK = Benchmark(
    name="workflow-tasks",
    title="Workflow tasks",
    about=(
        "No-op workflows, polled and completed against one dev server: a C program that uses the "
        "C ABI compared with a worker of the official Python SDK without its sandbox, with the "
        "same number of slots, polls and cached workflows. The workflows have been started before "
        "the worker begins, and the worker is busy before and after the measured span. The number "
        "of tasks per second depends mostly on the server, which shares the cores. The CPU is "
        "that of the worker alone."
    ),
    measure=_measure,
)
