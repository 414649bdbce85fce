"""Measures a span in the Python programs of the benchmarks; bench.c does the same in C."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Moment:
    """A moment in a process's life.

    Attributes:
        wall_seconds: of the monotonic clock.
        cpu_seconds: used by all threads of this process so far, user and system.
    """

    wall_seconds: float
    cpu_seconds: float

    @classmethod
    def now(cls) -> Moment:
        """This moment."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return cls(time.monotonic(), usage.ru_utime + usage.ru_stime)


def print_span_and_exit(
    count: int, start: Moment, end: Moment, latency_micros: Mapping[str, float] | None = None
) -> NoReturn:
    """Print the fields of child.py's `Span`, and end the process.

    Args:
        count: how many things were done.
        start: when they began.
        end: when all were done.
        latency_micros: percentile to microseconds, if things were done at a constant rate.
    """
    print_and_exit(
        {
            "count": count,
            "wall_seconds": end.wall_seconds - start.wall_seconds,
            "cpu_seconds": end.cpu_seconds - start.cpu_seconds,
            "latency_micros": dict(latency_micros or {}),
        }
    )


def print_and_exit(fields: Mapping[str, object]) -> NoReturn:
    """Print one JSON object, and end the process.

    Immediately, without finalizing the interpreter: the official client's threads may still be
    entering it, which would abort the process.
    """
    print(json.dumps(fields), flush=True)
    os._exit(0)
