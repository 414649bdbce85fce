"""Hostile use: nothing that a caller does crashes the process, and every call answers once.

Each group of cases (``hostile_cases.py``) runs in a child process. A crash is reported by case.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.abi import hostile_cases
from tests.support.abi.capi import CApi
from tests.support.abi.hostile_cases import GROUPS

ROOT = Path(__file__).parents[2]
PROGRAM = Path(hostile_cases.__file__)
SECONDS = 240.0
"""Seconds for a group; in a long fuzz run, for a hundred examples."""


def how_it_ended(code: int) -> str:
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


@pytest.mark.parametrize("group", GROUPS)
def test_the_process_lives_and_every_call_answers_once(
    group: str, declared: str, capi: CApi, tmp_path: Path
) -> None:
    declarations, progress, output = (tmp_path / name for name in ("decl", "progress", "output"))
    declarations.write_text(declared, encoding="utf-8")
    examples = int(os.environ.get("TEMPORAL_LIBS_FUZZ_EXAMPLES", "100"))
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        str(PROGRAM),
        str(declarations),
        str(capi.library),
        str(progress),
        group,
    ]
    with output.open("wb") as sink:
        try:
            ended = subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=sink,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=SECONDS * max(1, examples / 100),
            )
            outcome = how_it_ended(ended.returncode)
            good = ended.returncode == 0
        except subprocess.TimeoutExpired as error:
            outcome, good = f"did not end within {error.timeout} s", False
    cases = progress.read_text(encoding="utf-8").splitlines() if progress.exists() else []
    said = output.read_text(encoding="utf-8", errors="replace")[-6000:]
    last = cases[-1] if cases else "(none)"
    assert good, f"{group} {outcome} in case `{last}`\n{said}"
    assert len(cases) >= 3, "a group that has no cases proves nothing"
