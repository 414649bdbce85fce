"""Replaces an environment of the Makefile by another one."""

from __future__ import annotations

import sys
from pathlib import Path


def borrow_environment(root: Path, name: str, python: str | Path = sys.executable) -> Path:
    """Make a tree's venv refer to another one, and up to date for `make`.

    Args:
        root: the root of the tree.
        name: the venv's name in the Makefile.
        python: the interpreter of the other environment.

    Returns:
        The venv's directory of programs.
    """
    programs = root / ".venv" / name / "bin"
    programs.mkdir(parents=True)
    for program, command in (("python", f'"{python}"'), ("pip", f'"{python}" -m pip')):
        (programs / program).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / program).chmod(0o755)
    (programs.parent / ".ready").touch()
    return programs
