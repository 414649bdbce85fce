"""What goes wrong in a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class BenchmarkError(Exception):
    """A benchmark cannot be run. The message says why, and what to do."""


def command_failed(command: Sequence[str | Path], status: int, output: str) -> BenchmarkError:
    """The error of a command that ended with another exit code than 0.

    Args:
        command: the program and its arguments.
        status: the exit code.
        output: what it said.
    """
    shown = " ".join(map(str, command))
    return BenchmarkError(f"{shown}\n  ended with exit code {status}:\n{output}")
