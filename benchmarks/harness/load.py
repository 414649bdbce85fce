"""How much other work the machine did while something was measured."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
#: A larger share makes figures doubtful, and is reported.
THRESHOLD: Final = 0.1


@dataclass(frozen=True)
class Load:
    """The machine's, in one round of measuring.

    Attributes:
        average: load average of the last minute at the end of the round. The benchmark's own
            processes are part of it.
        others: share of all processors' time, 0 to 1, that other processes used, and that other
            virtual machines took (steal). Interrupts are left out: they serve the benchmark too.
    """

    average: float
    others: float


@dataclass(frozen=True)
class _Ticks:
    """Processor time in ticks since the machine started.

    Attributes:
        all: of all processors, idle or not.
        busy: used by processes, and stolen.
        own: used by this process and all that it has started.
    """

    all: int
    busy: int
    own: int

    @classmethod
    def now(cls) -> _Ticks:
        # user, nice, system, idle, iowait, irq, softirq, steal: see proc_stat(5).
        ticks = [int(word) for word in (_PROC / "stat").read_text().split("\n")[0].split()[1:9]]
        user, nice, system, *_, steal = ticks
        return cls(sum(ticks), user + nice + system + steal, _own_ticks())

    def others_since(self, start: _Ticks) -> float:
        """The share that others used since an earlier moment."""
        others = (self.busy - start.busy) - (self.own - start.own)
        # Both are rounded to ticks, so a quiet machine can come out below zero.
        return max(0.0, others / max(1, self.all - start.all))


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends, so that they still count as own.

    mold, for example, links in a child that its first process does not wait for. Does nothing on
    systems without Linux's /proc/stat.
    """
    if _is_known():
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _is_known() -> bool:
    """Whether this system has Linux's /proc/stat."""
    return (_PROC / "stat").is_file()


def load_warning(rounds: Sequence[Load]) -> str | None:
    """A warning, as the end of a sentence, if others used too much in some rounds; else None."""
    disturbed = [load.others for load in rounds if load.others > THRESHOLD]
    if not disturbed:
        return None
    return (
        f"other processes used more than {THRESHOLD:.0%} of the processors' time in "
        f"{len(disturbed)} of {len(rounds)} rounds, {max(disturbed):.0%} at most"
    )


def _own_ticks() -> int:
    """Those of this process and its descendants, also of those that have ended."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for directory in _PROC.glob("[0-9]*"):
        try:
            stat = (directory / "stat").read_text(errors="replace")
        except OSError:  # it has ended
            continue
        # After the name, which may contain anything; the fields are those of proc_pid_stat(5).
        fields = stat.rpartition(")")[2].split()
        process = int(directory.name)
        parents[process] = int(fields[1])
        used[process] = sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return sum(ticks for process, ticks in used.items() if _descends(process, parents))


def _descends(process: int, parents: dict[int, int]) -> bool:
    while process != os.getpid():
        if process not in parents:
            return False
        process = parents[process]
    return True


class Watch:
    """Records the load of each round.

    Attributes:
        rounds: those recorded so far; none on systems without Linux's /proc/stat.
    """

    def __init__(self) -> None:
        self.rounds: list[Load] = []

    @contextmanager
    def round(self) -> Iterator[None]:
        """Record the load during a block that does not fail."""
        if not _is_known():
            yield
            return
        start = _Ticks.now()
        yield
        others = _Ticks.now().others_since(start)
        self.rounds.append(Load(os.getloadavg()[0], others))
