"""Processes and their threads, read from /proc."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path


def blocked_signals(status: str) -> set[int]:
    """Return the signals that a thread blocks, from its ``status`` file."""
    found = re.search(r"^SigBlk:\s*([0-9a-f]+)$", status, re.MULTILINE)
    assert found is not None, status
    mask = int(found.group(1), 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def threads(process: int) -> dict[int, tuple[str, set[int]]]:
    """Map the threads of a process to their names (15 characters at most) and blocked signals."""
    found = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            name = (task / "comm").read_text().rstrip("\n")
            found[int(task.name)] = (name, blocked_signals((task / "status").read_text()))
    return found


def is_running(process: int) -> bool:
    """Return whether a process is running and not a zombie."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
