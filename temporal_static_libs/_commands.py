"""Commands in messages, in the form that a person can paste into a shell of this system.

On Windows that is both PowerShell and the command prompt, as far as one text can be for both.
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
    # No path there has a double quote in it.
    return text if text and not _SPECIAL.intersection(text) else f'"{text}"'


def program(path: str | os.PathLike[str]) -> str:
    """Quote a program at the beginning of a command."""
    text = quoted(path)
    # PowerShell takes a quoted text for a value. The command prompt has no word for "run this".
    return f"& {text}" if sys.platform == "win32" and text.startswith('"') else text


def remove_directory(directory: str | os.PathLike[str]) -> str:
    """Return what removes a directory with all that is in it."""
    if sys.platform == "win32":
        return f"delete the directory {quoted(directory)}"
    return f"rm -rf {quoted(directory)}"


def remove_file(file: str | os.PathLike[str]) -> str:
    """Return what removes a file."""
    return f"{'del' if sys.platform == 'win32' else 'rm'} {quoted(file)}"


def with_python_path(directory: str | os.PathLike[str], command: str) -> str:
    """Return what runs a command with PYTHONPATH set.

    Args:
        directory: the value.
        command: the command, quoted.
    """
    if sys.platform == "win32":
        return f"set the environment variable PYTHONPATH to {quoted(directory)}, and run {command}"
    return f"PYTHONPATH={quoted(directory)} {command}"


# What PowerShell or the command prompt would split at, or replace.
_SPECIAL = frozenset(" \t&()[]{}^=;!'+,`~%$@#|<>")
