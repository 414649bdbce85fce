"""TEMPORAL_LIBS_METRICS: one line of JSON for each lookup of archives.

Opt-in, and written only to the file that the variable names. `tools/records` summarizes such files.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ._about import __version__
from ._console import report
from ._library_set import LoadedSet
from ._messages import message
from ._ownership import OPENING
from ._settings import Settings


@dataclass
class Resolution:
    """The result of a lookup of archives.

    Attributes:
        is_begun: whether a lookup has started; otherwise, there is nothing to record.
        source: ``wheel``, ``override`` or ``compiled``; None if no archives were found.
        checked: how they were verified, ``hashed`` or ``remembered``; None if they were not, or if
            verification failed.
    """

    is_begun: bool = False
    source: str | None = None
    checked: str | None = None

    def found(self, loaded: LoadedSet) -> None:
        """Record the active archives, verified or not."""
        self.source = loaded.origin.source
        self.checked = loaded.verified


@contextmanager
def recorded(settings: Settings) -> Iterator[Resolution]:
    """Record a lookup of archives, also a failed one, if the environment requests it.

    If the file cannot be written, a warning goes to stderr, and nothing else changes.
    """
    resolution = Resolution()
    outcome = "ok"
    begin = time.perf_counter()
    try:
        yield resolution
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        if settings.metrics is not None and resolution.is_begun:
            _append(settings.metrics, resolution, outcome, (time.perf_counter() - begin) * 1e3)


def _append(file: str, resolution: Resolution, outcome: str, milliseconds: float) -> None:
    import datetime
    import json

    line = {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds"),
        "version": __version__,
        "source": resolution.source,
        "checked": resolution.checked,
        "outcome": outcome,
        "milliseconds": round(milliseconds, 3),
    }
    try:
        _append_line(file, f"{json.dumps(line)}\n".encode("ascii"))
    except OSError as error:
        report(message("metrics-unwritable", file=file, reason=error.strerror), "warning")


def _append_line(file: str, line: bytes) -> None:
    """Append a complete line or nothing."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | OPENING, 0o666)
    try:
        # In one write, so that lines of other processes cannot get in between.
        written = os.write(descriptor, line)
        if written < len(line):
            _take_back(descriptor, written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file)
    finally:
        os.close(descriptor)


def _take_back(descriptor: int, written: int) -> None:
    with suppress(OSError):  # a device, which has no length
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        if os.fstat(descriptor).st_size == end:  # otherwise, another process has appended since
            os.ftruncate(descriptor, end - written)
