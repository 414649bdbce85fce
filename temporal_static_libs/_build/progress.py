"""What a person is told while a build runs: on stderr, because stdout is for answers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress


def say(message: str) -> None:
    """Tell it, on a line of its own."""
    tell(f"{message}\n")


def tell(text: str) -> None:
    """Tell it as it is."""
    # None is a stderr that was closed; print() would take it to mean stdout. One that nobody reads
    # any more is no reason to stop.
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def stderr_of_programs() -> int | None:
    """What `subprocess` is to take as the stderr of a program that tells its own progress."""
    return None if sys.stderr is not None else subprocess.DEVNULL
