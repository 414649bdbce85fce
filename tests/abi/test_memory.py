"""Memory: create/use/destroy cycles under valgrind leak nothing and use no freed memory."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.programs.c_program import build_program

HERE = Path(__file__).parent
SECONDS = 240.0


def check(program: Path, *arguments: str) -> None:
    """Run a program under valgrind, and check for leaks and use of freed memory."""
    command = [
        require_program("valgrind"),
        "--quiet",
        # Valgrind runs one thread at a time. By default, a thread that never waits can keep the
        # others out for minutes.
        "--fair-sched=yes",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
        "--num-callers=30",
        str(program),
        *arguments,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ended.returncode == 0, ended.stderr[-6000:]


@pytest.mark.parametrize("ending", ["finalize", "free-only"])
def test_memory_does_not_grow_with_cycles(ending: str, tmp_path: Path) -> None:
    """``ending``: whether replayers are finalized before they are freed."""
    require_program("valgrind")
    check(build_program(HERE / "memory_cycles.c", tmp_path), ending)


def test_many_threads_on_one_queue_lose_nothing(tmp_path: Path) -> None:
    require_program("valgrind")
    check(build_program(HERE / "queue_stress.c", tmp_path), "500")
