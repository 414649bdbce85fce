"""Memory: create/use/destroy cycles under valgrind leave nothing behind and touch nothing freed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from capi import config
from skips import require_program

SOURCE = Path(__file__).with_name("memory_cycles.c")
SECONDS = 240.0


@pytest.mark.parametrize("ending", ["finalize", "free-only"])
def test_memory_does_not_grow_with_cycles(ending: str, tmp_path: Path) -> None:
    """``ending``: whether replayers are finalized, or freed as they are."""
    valgrind = require_program("valgrind")
    program = tmp_path / "memory_cycles"
    warnings = ["-Wall", "-Wextra", "-Werror"]
    flags = ["-Wl,--gc-sections", *config("--component", "sdk-core", "--libs").split()]
    include = f"-I{config('--includedir')}"
    compiler = ["cc", "-g", "-std=c11", *warnings, include]
    subprocess.run([*compiler, str(SOURCE), "-o", str(program), *flags], check=True)
    command = [
        valgrind,
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
        "--num-callers=30",
        str(program),
        ending,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ended.returncode == 0, ended.stderr[-6000:]
