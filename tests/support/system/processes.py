"""Programs that tests write, and processes that must end."""

from __future__ import annotations

import os
from pathlib import Path


def write_program(file: Path, text: str) -> None:
    """Write an executable program."""
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def end(process: int) -> None:
    """End a process that a test started, if it is still running."""
    try:
        os.kill(process, 9)
    except ProcessLookupError:
        return
