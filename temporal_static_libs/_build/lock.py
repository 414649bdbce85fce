"""One build at a time in a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._console import notice


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold a directory's lock. The system lets go of it when the process ends, however it ends.

    Args:
        directory: what to lock. Nothing is written to it.
    """
    try:
        import fcntl
    except ImportError:  # Windows, where wheels of other platforms can be made: builds are alone
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notice(f"Waiting for another build in {directory}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks: builds there are on their own
        yield
    finally:
        os.close(handle)
