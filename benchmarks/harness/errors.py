"""Errors of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class BenchmarkError(Exception):
    """A benchmark cannot run. The message says why and what to do."""


def command_failed(command: Sequence[str | Path], status: int, output: str) -> BenchmarkError:
    """The error of a command that failed.

    Args:
        command: the program and its arguments.
        status: its exit code.
        output: what it printed.
    """
    shown = " ".join(map(str, command))
    return BenchmarkError(f"{shown}\n  ended with exit code {status}:\n{output}")
