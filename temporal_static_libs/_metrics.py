"""TEMPORAL_LIBS_METRICS: one line of JSON for each time that archives have been looked for.

Opt-in; it goes nowhere but to the file that the variable names. `tools/records` sums such files up.
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
    """What has come of looking for archives.

    Attributes:
        is_begun: whether anything has been looked for; else there is nothing to record.
        source: ``wheel``, ``override`` or ``compiled``; None if none were found.
        checked: ``hashed`` or ``remembered``, how it is known that they are as recorded; None if
            they are not, or if nobody asked.
    """

    is_begun: bool = False
    source: str | None = None
    checked: str | None = None

    def found(self, loaded: LoadedSet) -> None:
        """Take the active archives, verified or not."""
        self.source = loaded.origin.source
        self.checked = loaded.verified


@contextmanager
def recorded(settings: Settings) -> Iterator[Resolution]:
    """Record how looking for archives went, failure included, if the environment asks for it.

    A file that cannot be written to is reported on stderr, and changes nothing else.
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
    """Append a line whole or not at all."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | OPENING, 0o666)
    try:
        # In one write, so that lines of other processes do not get in between.
        written = os.write(descriptor, line)
        if written < len(line):
            _take_back(descriptor, written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file)
    finally:
        os.close(descriptor)


def _take_back(descriptor: int, written: int) -> None:
    with suppress(OSError):  # a device, which has no length
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        if os.fstat(descriptor).st_size == end:  # else somebody else has appended since
            os.ftruncate(descriptor, end - written)
