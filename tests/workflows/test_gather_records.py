"""The script that gathers builds' records for a release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ci.build_records import MB, build_record

# Stands in for GitHub's command. Releases are directories below GH_RELEASES, newest first.
GH = """\
#!/bin/sh
set -eu
case "$1 $2" in
"release list") ls -r "$GH_RELEASES" | head -n 1 ;;
"release download") cp "$GH_RELEASES/$3/build-history.json" "$7" ;;
*) exit 9 ;;
esac
"""


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """The directory of the fake's releases."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "releases").mkdir()
    return tmp_path / "releases"


def gather(
    repo_root: Path, releases: Path, record: dict[str, object]
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the script on one record, with any exit status."""
    scratch = releases.parent
    records = scratch / "records" / "record-linux-x64"
    records.mkdir(parents=True, exist_ok=True)
    (records / "build-record.json").write_text(json.dumps(record))
    history = scratch / "history"
    done = subprocess.run(
        ["sh", "tools/records/gather.sh", str(records.parent), str(history)],
        cwd=repo_root,
        env={
            **os.environ,
            "GH_RELEASES": str(releases),
            "GITHUB_STEP_SUMMARY": str(scratch / "summary.md"),
            "PATH": f"{scratch / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done, history


def test_first_release_starts_the_history_and_the_next_continues_it(
    repo_root: Path, releases: Path
) -> None:
    done, history = gather(repo_root, releases, build_record("0.10.0"))
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in history.iterdir()) == [
        "build-history.json",
        "build-history.svg",
    ]
    last = releases / "temporal-libs-v0.10.0"
    last.mkdir()
    (history / "build-history.json").rename(last / "build-history.json")

    done, history = gather(repo_root, releases, build_record("0.10.1", wheel=16 * MB))
    assert done.returncode == 0, done.stderr
    versions = [
        release["version"]
        for release in json.loads((history / "build-history.json").read_text())["releases"]
    ]
    assert sorted(versions) == ["0.10.0", "0.10.1"]
    assert "::warning" in done.stdout
    assert "0.10.1" in (releases.parent / "summary.md").read_text()


def test_oversized_wheel_fails_but_the_history_is_written(repo_root: Path, releases: Path) -> None:
    done, history = gather(repo_root, releases, build_record(wheel=51 * MB))
    assert done.returncode == 1
    assert "::error" in done.stdout
    assert (history / "build-history.svg").is_file()


def test_truncated_record_is_refused(repo_root: Path, releases: Path) -> None:
    whole = build_record("0.10.1")
    cut = releases.parent / "records" / "record-linux-arm64"
    cut.mkdir(parents=True)
    (cut / "build-record.json").write_text(json.dumps(whole)[:-1])
    done, _ = gather(repo_root, releases, whole)
    assert done.returncode != 0
    assert "record-linux-arm64/build-record.json" in done.stderr
