"""The workflow that reports a newer core or differences from Temporal's C interface."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import tools.bump.__main__ as bump_command
from tests.support.ci.workflow_run import read_workflow
from tests.support.pip.upstream_sdist import HEADER, bridge, make_upstream_sdist, use_directory
from tools.bump import news
from tools.bump.registry import CORE, Core

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workflow() -> dict[str, Any]:
    """The parsed workflow."""
    return read_workflow(ROOT / ".github" / "workflows" / "newer-core.yml")


def test_it_runs_weekly_with_minimal_permissions(workflow: dict[str, Any]) -> None:
    (schedule,) = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    assert "workflow_dispatch" in workflow["on"]
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "issues": "write"}
    assert job["timeout-minutes"] <= 10


def test_its_command_runs(
    workflow: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Uses an old core and an equal interface, so that no issue is opened."""
    (job,) = workflow["jobs"].values()
    (command,) = [
        step["run"] for step in job["steps"] if "python -m tools.bump" in step.get("run", "")
    ]
    summary = tmp_path / "summary.md"
    words = shlex.split(command.replace("$GITHUB_STEP_SUMMARY", str(summary)))
    assert words[:4] == [".venv/bump/bin/python", "-m", "tools.bump", "check"]
    monkeypatch.setattr(news, "newest_core", lambda: Core("0.0.1", {}, "1.0"))
    header = (ROOT / "temporal_static_libs" / "include" / HEADER).read_text(encoding="utf-8")
    make_upstream_sdist(tmp_path / "temporals", "1.34.0", bridge(header))
    use_directory(monkeypatch, tmp_path / "temporals")
    assert bump_command.main(words[3:]) == 0
    assert f"{CORE} " in summary.read_text()
    assert "temporalio 1.34.0, the newest version" in summary.read_text()
    assert capsys.readouterr().out == summary.read_text()
