"""Threads and descriptors of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """The numbers of threads and descriptors at one moment."""

    threads: int
    descriptors: int

    @classmethod
    def now(cls) -> Footprint:
        """Count them."""
        return cls(len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")))

    def holds(self, other: Footprint) -> bool:
        """Return whether no number of the other one is larger."""
        return other.threads <= self.threads and other.descriptors <= self.descriptors


@contextmanager
def nothing_left(seconds: float = 2.0) -> Iterator[Footprint]:
    """Check that the block leaves no thread and no descriptor.

    Args:
        seconds: how long the last of them may take to end.

    Yields:
        The numbers at the start.
    """
    before = Footprint.now()
    yield before
    end = time.monotonic() + seconds
    while not before.holds(now := Footprint.now()):
        assert time.monotonic() < end, f"{before} before, {now} {seconds} s afterwards"
        time.sleep(0.01)
