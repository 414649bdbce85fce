"""Lock a directory: only one build at a time, until all of its processes have ended."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from .._console import notice
from .._messages import message
from .._records import read_text
from .._whole_files import remove_leftovers, write_whole

NOTE = ".building"
"""The file in a locked directory that names the process with the lock, for users only."""

LOCKED = ".building.lock"
"""The file that is locked on Windows, where directories cannot be locked."""

_PAUSE = 0.2  # seconds between attempts to take a lock that cannot be waited for

_NOTE = re.compile(r"process (?P<process>\d{1,20})\nsince (?P<since>[\d :UTC-]{1,40})\n")


@contextmanager
def exclusive(directory: Path) -> Iterator[int | None]:
    """Hold a directory's lock.

    The system releases it when every process with the descriptor has ended, for whatever reason. On
    Windows, only this process has it.

    Args:
        directory: the directory to lock.

    Yields:
        The descriptor, which programs started by the build must inherit. None on Windows, where
        programs do not inherit locks.
    """
    if sys.platform == "win32":
        with _exclusive_file(directory):
            yield None
        return
    import fcntl

    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notice(_waiting(directory))
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks: builds there are not serialized
        _write_note(directory)
        try:
            yield handle
        finally:
            with suppress(OSError):
                os.unlink(directory / NOTE)
            # Closing it is not enough: processes that cargo left running may have it, too.
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


@contextmanager
def _exclusive_file(directory: Path) -> Iterator[None]:
    """Hold the lock of a file in a directory, on Windows."""
    if sys.platform != "win32":
        raise NotImplementedError
    import msvcrt

    handle = os.open(directory / LOCKED, os.O_RDWR | os.O_CREAT | os.O_BINARY)
    try:
        if not _take(handle):
            notice(_waiting(directory))
            while not _take(handle):
                time.sleep(_PAUSE)
        _write_note(directory)
        try:
            yield
        finally:
            with suppress(OSError):
                os.unlink(directory / NOTE)
            with suppress(OSError):
                os.lseek(handle, 0, os.SEEK_SET)
                msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    if sys.platform != "win32":
        raise NotImplementedError
    import msvcrt

    os.lseek(handle, 0, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _write_note(directory: Path) -> None:
    since = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S UTC}"
    # A full disk is reported soon enough, and a read-only directory may not need to be written to.
    with suppress(OSError):
        write_whole(directory / NOTE, f"process {os.getpid()}\nsince {since}\n".encode("ascii"))
        remove_leftovers(directory, NOTE)


def _waiting(directory: Path) -> str:
    # The note may be from a process that was killed, but whose programs still run.
    with suppress(OSError, ValueError):
        found = _NOTE.fullmatch(read_text(directory / NOTE))
        if found is not None:
            return message("build-waiting-for", directory=directory, **found.groupdict())
    return message("build-waiting", directory=directory)
