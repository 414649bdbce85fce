"""Which commit the sources are exactly those of, where that can be known."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .source_tree import Sources


def source_commit(sources: Sources) -> str | None:
    """Ask git in a checkout, or the record that a source distribution or a wheel carries.

    Args:
        sources: what was, or is to be, compiled.

    Returns:
        The commit's full name. None if there is neither, or if a file that git tracks has been
        changed since the commit: the archives are then not made from it.
    """
    if sources.checkout is not None and _is_checkout(sources.checkout):
        if _git(sources.checkout, "status", "--porcelain", "--untracked-files=no") != "":
            return None
        return _git(sources.checkout, "rev-parse", "--verify", "HEAD")
    if sources.recorded_commit.is_file():
        return sources.recorded_commit.read_text(encoding="ascii").strip()
    return None


def _is_checkout(root: Path) -> bool:
    # Not enough to be inside one: a source distribution may be unpacked in another repository.
    top = _git(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(top).resolve() == root.resolve()


def _git(root: Path, *arguments: str) -> str | None:
    # safe.directory: in a container the checkout often belongs to another user.
    command = ["git", "-c", f"safe.directory={root.resolve()}", "-C", str(root), *arguments]
    # In a git hook, variables name the repository that the hook is of.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
