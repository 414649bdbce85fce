"""What Linux says of processes and their threads, in /proc."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path


def blocked_signals(status: str) -> set[int]:
    """The signals that a thread has blocked, from its ``status`` file."""
    found = re.search(r"^SigBlk:\s*([0-9a-f]+)$", status, re.MULTILINE)
    assert found is not None, status
    mask = int(found.group(1), 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def threads(process: int) -> dict[int, tuple[str, set[int]]]:
    """The threads of a process: names, as far as the kernel keeps them, and blocked signals."""
    found = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            name = (task / "comm").read_text().rstrip("\n")
            found[int(task.name)] = (name, blocked_signals((task / "status").read_text()))
    return found
