"""The versions of Zig that the tests build with, each from PyPI's ``ziglang``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.ci.skips import require_program

OWN = "0.15"
"""The one in the tests' own environment."""
OTHERS = ("0.16", "0.17")
"""Those in separate environments, which the Makefile makes."""
TOO_OLD = "0.14"
"""One that temporal_libs.zig refuses, in such an environment too."""


def python_with_zig(version: str, repo_root: Path) -> Path:
    """The interpreter of the environment that has a version, or skip the test that needs it."""
    if version == OWN:
        return Path(sys.executable)
    return Path(require_program(str(repo_root / ".venv" / f"zig-{version}" / "bin" / "python")))
