"""An environment that the Makefile would make, borrowed from another one."""

from __future__ import annotations

import sys
from pathlib import Path


def borrow_environment(root: Path, name: str, python: str | Path = sys.executable) -> Path:
    """Have a tree's venv be another one, and up to date for `make`.

    Args:
        root: of the tree.
        name: of the venv, as the Makefile calls it.
        python: the interpreter of the other one.

    Returns:
        Its directory of programs.
    """
    programs = root / ".venv" / name / "bin"
    programs.mkdir(parents=True)
    for program, command in (("python", f'"{python}"'), ("pip", f'"{python}" -m pip')):
        (programs / program).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / program).chmod(0o755)
    (programs.parent / ".ready").touch()
    return programs
