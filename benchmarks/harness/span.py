"""The measuring of a span in the Python programs of the benchmarks; bench.c has C's."""

from __future__ import annotations

import json
import os
import resource
import time
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Moment:
    """Where a process is in time.

    Attributes:
        wall_seconds: of the monotonic clock.
        cpu_seconds: that all threads of this process have used, user and system.
    """

    wall_seconds: float
    cpu_seconds: float

    @classmethod
    def now(cls) -> Moment:
        """This moment."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return cls(time.monotonic(), usage.ru_utime + usage.ru_stime)


def print_span_and_exit(count: int, start: Moment, end: Moment) -> NoReturn:
    """Print what child.py reads, how many things were done between two moments; end the process.

    At once, without finalising the interpreter: the official client's threads may still be on their
    way into it, which would abort the process.
    """
    span = {
        "count": count,
        "wall_seconds": end.wall_seconds - start.wall_seconds,
        "cpu_seconds": end.cpu_seconds - start.cpu_seconds,
    }
    print(json.dumps(span), flush=True)
    os._exit(0)
