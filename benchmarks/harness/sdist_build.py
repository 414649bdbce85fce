"""Builds a source distribution."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def build_sdist(root: Path, directory: Path) -> Path:
    """Build a source tree's source distribution into a new or empty directory."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", directory],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    (sdist,) = directory.iterdir()
    return sdist
