"""Programs that tests write, and processes that must end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def write_program(file: Path, text: str) -> None:
    """Write a program that can be run."""
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait for something, and fail if it does not come about."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not in {seconds} seconds: {what}"
        time.sleep(0.02)


def runs(process: int) -> bool:
    """Tell whether a process runs, and is no zombie."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def end(process: int) -> None:
    """End a process that a test has started, if it still runs."""
    try:
        os.kill(process, 9)
    except ProcessLookupError:
        return
