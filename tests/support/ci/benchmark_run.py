"""`python -m benchmarks`, run as the Makefile does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

#: The wheel under test, which the benchmarks are told of.
WHEEL: Final = os.environ.get("TEMPORAL_LIBS_TEST_WHEEL", "")
_DEADLINE: Final = 1200.0


def run_benchmarks(
    repo_root: Path, *arguments: str | Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run benchmarks at the top of the checkout, and let them end as they like.

    Args:
        repo_root: the checkout.
        arguments: besides the wheel.
        environ: variables that are to differ from this process's.
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
