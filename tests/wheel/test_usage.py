"""`python -m tools.records usage` with metrics of the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.records.__main__ import main

if TYPE_CHECKING:
    from tests.wheel.conftest import Command


def test_recorded_resolutions_are_summarized(
    script: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "metrics.jsonl"
    environ = {
        "TEMPORAL_LIBS_METRICS": str(file),
        "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache"),
    }
    for _ in range(3):
        script.lines("--libs", environ=environ)
    failed = script.run("--libs", environ={**environ, "TEMPORAL_LIBS_DIR": str(tmp_path)})
    assert failed.returncode == 1
    with file.open("a") as stream:
        stream.write('{"time": "2026-')
    assert main(["usage", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "resolutions:  4, and 1 broken lines",
        "success:      75.0% (3 of 4)",
        "cache hits:   66.7% (2 of 3), checks that were remembered",
        "fallback:     0.0% (0 of 4), compiled on the machine",
    ]
    assert lines[4].startswith("took:         p50 ")
    assert lines[5:] == ["failed:       1 MissingLibraryError"]


def test_missing_file_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", str(tmp_path / "absent")]) == 1
    assert capsys.readouterr().err == (
        f"records: {tmp_path / 'absent'} cannot be read: No such file or directory\n"
    )
