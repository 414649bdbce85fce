"""The versions of Zig that the tests build with, each from PyPI's ``ziglang``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.ci.skips import require_program

OWN = "0.15"
"""The version in the tests' own environment."""
OTHERS = ("0.16", "0.17")
"""The versions in separate environments, which the Makefile makes."""
TOO_OLD = "0.14"
"""A version that temporal_libs.zig refuses, also in a separate environment."""


def python_with_zig(version: str, repo_root: Path) -> Path:
    """Return the interpreter of the environment with a version, or skip the test."""
    if version == OWN:
        return Path(sys.executable)
    return Path(require_program(str(repo_root / ".venv" / f"zig-{version}" / "bin" / "python")))
