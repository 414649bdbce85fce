"""Memory of a process with a worker, step by step, compared with the official Python SDK."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness.backlog import start_workflows
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import printed_object
from benchmarks.harness.comparison import Comparison, Contender, in_turn
from benchmarks.harness.libraries import WORKER_SOURCES
from tools.dev_server import NO_RATE_LIMITS, DevServer, running_dev_server

_SOURCE: Final = Path(__file__).with_name("memory.c")
_MOST_ROUNDS: Final = 3
_WORKFLOWS: Final = 1000
PYTHON_SDK: Final = "Python SDK"
MEGABYTES: Final = "MB of memory"
WITH_WORKFLOWS: Final = "with cached workflows"
#: What the programs call the steps, in their order, to what the report calls them.
_STEPS: Final[Mapping[str, str]] = {
    "start": "before the runtime",
    "runtime": "with a runtime",
    "connection": "with a connection",
    "worker": "with a worker",
    "workflows": WITH_WORKFLOWS,
}
_EACH: Final = "kB of memory"


def _measure(run: Run) -> list[Comparison]:
    count = run.scaled(_WORKFLOWS)
    programs = run.link_each([_SOURCE, *WORKER_SOURCES])
    with running_dev_server(dynamic_config=NO_RATE_LIMITS, progress=run.say) as server:
        python = [sys.executable, "-m", "benchmarks.memory.python_memory", server.address]
        commands: dict[str, Sequence[str | Path]] = {
            **{name: [program, server.url] for name, program in programs.items()},
            PYTHON_SDK: python,
        }
        contenders = [
            Contender(name, partial(_sample, server, command, count))
            for name, command in commands.items()
        ]
        run.say(f"{count} workflows in each worker")
        rows = in_turn(contenders, run.in_rounds(_MOST_ROUNDS))
    return [
        *(Comparison(MEGABYTES, condition, rows[step]) for step, condition in _STEPS.items()),
        Comparison(_EACH, "per cached workflow", rows[_EACH]),
    ]


def _sample(server: DevServer, command: Sequence[str | Path], count: int) -> Mapping[str, float]:
    task_queue = start_workflows(server.address, count)
    steps = printed_object([*command, task_queue, str(count)])
    return {**steps, _EACH: (steps["workflows"] - steps["worker"]) / count * 1e3}


BENCHMARK = Benchmark(
    name="memory",
    title="Memory",
    about=(
        "The memory of a process after each step: a C program that uses the C ABI, compared with a "
        "worker of the official Python SDK without its sandbox. The memory is the proportional set "
        "size (`Pss` in `/proc/self/smaps_rollup`): pages in use, with those that several "
        "processes use divided among them. Before the runtime, Python has imported the SDK. The "
        f"worker then gets {_WORKFLOWS:,} workflows from a dev server, completes the first task of "
        "each without commands, and keeps all of them in its cache, which has room for twice as "
        "many. The C program keeps nothing about a workflow; the SDK keeps a running coroutine "
        "of each. The memory per workflow includes what the first poll costs, once. At most three "
        "rounds."
    ),
    measure=_measure,
)
