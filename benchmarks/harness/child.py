"""Child processes that do one thing many times, and say what it cost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.errors import BenchmarkError, command_failed

_DEADLINE = 600.0


@dataclass(frozen=True)
class Span:
    """What a child did between two moments of its own.

    Attributes:
        count: how many things it did.
        wall_seconds: how long they took.
        cpu_seconds: what all of its threads used meanwhile, user and system.
    """

    count: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """How many things per second."""
        return self.count / self.wall_seconds

    @property
    def cpu_micros_each(self) -> float:
        """Microseconds of CPU a thing."""
        return self.cpu_seconds / self.count * 1e6


def run_to_end(command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> str:
    """Run a child to its end; nothing else of the benchmark runs meanwhile.

    Args:
        command: the program and its arguments.
        environ: its environment; None is this process's.

    Returns:
        What it printed to stdout.

    Raises:
        BenchmarkError: it failed, or took longer than ten minutes; the message has its output.
    """
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        shown = " ".join(map(str, command))
        raise BenchmarkError(f"{shown}\n  is not done after {_DEADLINE:.0f} s") from None
    if done.returncode != 0:
        raise command_failed(command, done.returncode, done.stdout + done.stderr)
    return done.stdout


def measured_span(command: Sequence[str | Path]) -> Span:
    """Run a child that measures itself.

    Args:
        command: as for `run_to_end`. It prints one JSON object with the fields of `Span`.

    Raises:
        BenchmarkError: as for `run_to_end`, or it printed something else.
    """
    printed = run_to_end(command)
    try:
        return Span(**json.loads(printed))
    except (ValueError, TypeError):
        shown = " ".join(str(part) for part in command)
        raise BenchmarkError(f"{shown}\n  printed no span but:\n{printed}") from None
