"""Child processes that do one thing many times, and say what it cost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.errors import BenchmarkError

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
        """How many things a second."""
        return self.count / self.wall_seconds

    @property
    def cpu_micros_each(self) -> float:
        """Microseconds of CPU a thing."""
        return self.cpu_seconds / self.count * 1e6


def measured_span(command: Sequence[str | Path]) -> Span:
    """Run a child to its end; nothing else of the benchmark runs meanwhile.

    Args:
        command: the program and its arguments. It prints one JSON object with the fields of `Span`.

    Raises:
        BenchmarkError: it failed, or took longer than ten minutes; the message has its output.
    """
    shown = " ".join(str(part) for part in command)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{shown}\n  is not done after {_DEADLINE:.0f} s") from None
    if done.returncode != 0:
        raise BenchmarkError(
            f"{shown}\n  ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    try:
        return Span(**json.loads(done.stdout))
    except (ValueError, TypeError):
        raise BenchmarkError(f"{shown}\n  printed no span but:\n{done.stdout}") from None
