"""PATH without some programs, for example that of a user without a Rust toolchain."""

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
    """Return PATH without some programs, but with all others.

    A directory with one of these programs is replaced by one with links to its other programs, such
    as a C compiler.
    """
    directories = environ["PATH"].split(os.pathsep)
    return os.pathsep.join(_without(directory, frozenset(names)) for directory in directories)


def search_script(*names: str) -> str:
    """Return shell commands that print the paths of the programs that are found."""
    # dash's `command -v` only looks for its first argument.
    return "; ".join(f"command -v {name} || :" for name in names)


def consumer_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a user who links the archives, without Rust programs on PATH.

    Args:
        environ: the base environment; None is this process's.
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
