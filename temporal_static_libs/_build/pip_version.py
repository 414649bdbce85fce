"""Which pip this Python has: an old one does not know the tags of newer wheels."""

from __future__ import annotations

import os
import subprocess
import sys

from .tool import release_of

# The first entry of the path is the current directory, which may hold anything.
_PROGRAM = "import sys; del sys.path[0]; import pip; print(pip.__version__)"


def version_of_pip() -> str | None:
    """The version of the pip that ``python -m pip`` would run; None if there is none.

    Asked in a process of its own: an isolated build does not see it.
    """
    # How pip isolates a build.
    hidden = ("PYTHONPATH", "PYTHONNOUSERSITE")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() or None


def is_older(version: str, other: str) -> bool:
    """Whether one version of pip is older than another."""
    return release_of(version) < release_of(other)
