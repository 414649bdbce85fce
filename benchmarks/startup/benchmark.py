"""A process from its start to its first answer, compared with the official Python client."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import printed_object
from benchmarks.harness.comparison import Comparison, Contender, compare
from tools.dev_server import running_dev_server

_SOURCE: Final = Path(__file__).with_name("first_answer.c")
_STARTS: Final = 10
TO_FIRST_ANSWER: Final = "ms to the first answer"
CONDITION: Final = "from the start of the process"


def _measure(run: Run) -> list[Comparison]:
    programs = run.link_each([_SOURCE])
    starts = run.scaled(_STARTS)
    with running_dev_server(progress=run.say) as server:
        python = [sys.executable, "-m", "benchmarks.startup.python_first_answer", server.address]
        commands: dict[str, Sequence[str | Path]] = {
            **{name: [program, server.url] for name, program in programs.items()},
            "Python client": python,
        }
        contenders = [
            Contender(name, partial(_sample, command, starts)) for name, command in commands.items()
        ]
        for contender in contenders:
            contender.sample()  # loads the files that it needs from disk
        run.say(f"{starts} starts of each per round")
        return compare(CONDITION, contenders, run.in_rounds())


def _sample(command: Sequence[str | Path], starts: int) -> Mapping[str, float]:
    """Medians of several starts."""
    wall, cpu = [], []
    for _ in range(starts):
        began = time.monotonic()  # the clock that the child reads, too
        answered = printed_object(command)
        wall.append((answered["wall_seconds"] - began) * 1e3)
        cpu.append(answered["cpu_seconds"] * 1e3)
    return {TO_FIRST_ANSWER: statistics.median(wall), "ms of CPU": statistics.median(cpu)}


BENCHMARK = Benchmark(
    name="startup",
    title="From start to first answer",
    about=(
        "A process starts, creates a runtime, connects to a dev server on the same machine and "
        "calls `GetSystemInfo`: a C program that uses the C ABI, compared with a script that uses "
        "the official Python client, which includes starting Python and importing the client. The "
        "time is from starting the process until it has the answer. The files have been read "
        f"before, so they come from memory. Each sample is the median of {_STARTS} starts."
    ),
    measure=_measure,
)
