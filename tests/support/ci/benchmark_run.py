"""Runs `python -m benchmarks` like the Makefile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

#: The wheel under test, which the benchmarks use.
WHEEL: Final = os.environ.get("TEMPORAL_LIBS_TEST_WHEEL", "")
_DEADLINE: Final = 1200.0


def run_benchmarks(
    repo_root: Path, *arguments: str | Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run benchmarks in the root of the checkout, with any exit status.

    Args:
        repo_root: the checkout.
        arguments: arguments in addition to the wheel.
        environ: variables to change from this process's environment.
    """
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--wheel", WHEEL, *arguments],
        cwd=repo_root,
        env={
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
