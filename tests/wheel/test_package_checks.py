"""Checks of the wheel and the source distribution with PyPI's checkers."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.harness.sdist_build import build_sdist
from tests.support.ci.git_tree import git


def run(tool: str, *arguments: str | Path, cwd: Path | None = None) -> None:
    """Run an installed checker, and fail with its output."""
    done = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_check_wheel_contents_finds_nothing(wheel: Path) -> None:
    # W002 is about files with the same content, which the next test checks.
    run("check-wheel-contents", "--ignore", "W002", wheel)


def test_only_licenses_are_duplicates(wheel: Path) -> None:
    """Each copied crate has one, and so has the directory of protobuf files."""
    names: dict[bytes, list[str]] = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            names.setdefault(archive.read(member), []).append(member)
    twice = [sorted(Path(name).name for name in same) for same in names.values() if len(same) > 1]
    assert sorted(twice) == [
        ["LICENSE-APACHE", "LICENSE-APACHE"],
        ["LICENSES.txt", "PROTO-LICENSES.txt"],
    ]


def test_twine_accepts_the_wheel_and_the_source_distribution(
    wheel: Path, repo_root: Path, tmp_path: Path
) -> None:
    run("twine", "check", "--strict", wheel, build_sdist(repo_root, tmp_path))


def test_check_sdist_finds_what_git_tracks_and_no_junk(repo_root: Path, tmp_path: Path) -> None:
    if not (repo_root / ".git").exists():
        pytest.skip("the tree is not a git checkout")
    # In a clone of the committed files, so that no junk is added to a developer's tree.
    git(tmp_path, "clone", "--quiet", str(repo_root), "clone")
    run("check-sdist", "--no-isolation", "--inject-junk", cwd=tmp_path / "clone")
