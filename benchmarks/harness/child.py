"""Child processes that do one thing many times, and print what it cost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.errors import BenchmarkError, command_failed

_DEADLINE = 600.0
#: Of latencies, as the children name them.
PERCENTILES = ("50", "99", "99.9")


@dataclass(frozen=True)
class Span:
    """What a child did between two moments that it chose.

    Attributes:
        count: how many things it did.
        wall_seconds: how long they took.
        cpu_seconds: what all of its threads used in that time, user and system.
        latency_micros: percentile, such as ``99.9``, to microseconds from when a thing was due to
            when it was done; empty if the child did things as fast as it could.
    """

    count: int
    wall_seconds: float
    cpu_seconds: float
    latency_micros: Mapping[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """How many things per second."""
        return self.count / self.wall_seconds

    @property
    def cpu_micros_each(self) -> float:
        """Microseconds of CPU per thing."""
        return self.cpu_seconds / self.count * 1e6


def run_to_end(command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> str:
    """Run a child and wait until it ends.

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


def printed_object(command: Sequence[str | Path]) -> dict[str, Any]:
    """Run a child that prints one JSON object.

    Args:
        command: as for `run_to_end`.

    Raises:
        BenchmarkError: as for `run_to_end`, or it printed something else.
    """
    printed = run_to_end(command)
    try:
        read = json.loads(printed)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        shown = " ".join(map(str, command))
        raise BenchmarkError(f"{shown}\n  expected one JSON object, but it printed:\n{printed}")
    return read


def measured_span(command: Sequence[str | Path]) -> Span:
    """Run a child that measures itself.

    Args:
        command: as for `run_to_end`. It prints the fields of `Span` as a JSON object.

    Raises:
        BenchmarkError: as for `printed_object`, or the fields differ.
    """
    printed = printed_object(command)
    try:
        return Span(**printed)
    except TypeError as error:
        shown = " ".join(map(str, command))
        raise BenchmarkError(f"{shown}\n  printed no span: {error}") from None


def rates(thing: str, command: Sequence[str | Path]) -> Mapping[str, float]:
    """Sample a child that does things as fast as it can: rows of a report, and its figures.

    Args:
        thing: what it does many times, in the singular.
        command: as for `measured_span`.
    """
    span = measured_span(command)
    return {
        f"{thing}s per second": span.per_second,
        f"µs of CPU per {thing}": span.cpu_micros_each,
    }


def latencies(thing: str, command: Sequence[str | Path]) -> Mapping[str, float]:
    """Sample a child that does things at a constant rate: rows of a report, and its figures.

    Args:
        thing: what it does many times, in the singular.
        command: as for `measured_span`.
    """
    span = measured_span(command)
    rows = {latency_row(rank): micros for rank, micros in span.latency_micros.items()}
    return {**rows, f"µs of CPU per {thing}": span.cpu_micros_each}


def latency_row(rank: str) -> str:
    """What the report calls a percentile, such as ``99.9``."""
    return f"µs to the answer, {rank}th percentile"
