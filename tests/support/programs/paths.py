"""PATH without some programs: that of somebody who has no Rust toolchain, for instance."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

RUST = ("cargo", "rustc", "rustup")


def without_programs(environ: Mapping[str, str], names: Sequence[str]) -> str:
    """PATH without some programs, and with all others.

    A directory that holds one of them gives way to one with links to the others: a C compiler may
    be beside them.
    """
    directories = environ["PATH"].split(os.pathsep)
    return os.pathsep.join(_without(directory, frozenset(names)) for directory in directories)


def search_script(*names: str) -> str:
    """Shell commands that print the paths of those programs that are found."""
    # dash's `command -v` looks for the first of its arguments alone.
    return "; ".join(f"command -v {name} || :" for name in names)


def consumer_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of who links the archives: no program of Rust's is on PATH.

    Args:
        environ: the environment otherwise; None is this process's.
    """
    given = os.environ if environ is None else environ
    return {**given, "PATH": without_programs(given, RUST)}


@functools.cache
def _without(directory: str, names: frozenset[str]) -> str:
    if not any(shutil.which(name, path=directory) for name in names):
        return directory
    copy = tempfile.mkdtemp(prefix="programs-")
    atexit.register(shutil.rmtree, copy)
    for program in Path(directory).iterdir():
        if program.name not in names:
            Path(copy, program.name).symlink_to(program.absolute())
    return copy
