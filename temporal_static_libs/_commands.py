"""Commands in messages, quoted so that users can paste them into a shell of this system.

On Windows, they suit both PowerShell and the command prompt as far as possible.
"""

from __future__ import annotations

import os
import shlex
import sys


def quoted(argument: str | os.PathLike[str]) -> str:
    """Quote an argument, such as a path."""
    if sys.platform != "win32":
        return shlex.quote(os.fspath(argument))
    text = os.fspath(argument)
    # Paths on Windows contain no double quotes.
    return text if text and not _SPECIAL.intersection(text) else f'"{text}"'


def program(path: str | os.PathLike[str]) -> str:
    """Quote a program at the beginning of a command."""
    text = quoted(path)
    # PowerShell treats a quoted text as a value. The command prompt has no such operator.
    return f"& {text}" if sys.platform == "win32" and text.startswith('"') else text


def remove_directory(directory: str | os.PathLike[str]) -> str:
    """Return the command that removes a directory and its contents."""
    if sys.platform == "win32":
        return f"delete the directory {quoted(directory)}"
    return f"rm -rf {quoted(directory)}"


def remove_file(file: str | os.PathLike[str]) -> str:
    """Return the command that removes a file."""
    return f"{'del' if sys.platform == 'win32' else 'rm'} {quoted(file)}"


def with_python_path(directory: str | os.PathLike[str], command: str) -> str:
    """Return the instruction to run a command with PYTHONPATH set.

    Args:
        directory: the value.
        command: the command, quoted.
    """
    if sys.platform == "win32":
        return f"set the environment variable PYTHONPATH to {quoted(directory)}, and run {command}"
    return f"PYTHONPATH={quoted(directory)} {command}"


# Characters at which PowerShell or the command prompt would split, or which they would replace.
_SPECIAL = frozenset(" \t&()[]{}^=;!'+,`~%$@#|<>")
