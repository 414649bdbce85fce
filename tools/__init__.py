"""Tools for developing and releasing the package, run from the root: `python -m tools.demo`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout, or unpacked source distribution, that the tools work on."""


class ToolError(Exception):
    """A tool cannot continue. The message says what is wrong and what to do."""


def report_errors(name: str, work: Callable[[], object]) -> int:
    """Do a command's work; report a failure on standard error, with the command's name first.

    Returns:
        The exit status: 0; 1 after a `ToolError`, or if a program failed.
    """
    try:
        work()
    except ToolError as error:
        print(f"{name}: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        words = [error.cmd] if isinstance(error.cmd, str) else error.cmd
        command = shlex.join(map(str, words))
        print(f"{name}: exit status {error.returncode} of: {command}", file=sys.stderr)
    else:
        return 0
    return 1
