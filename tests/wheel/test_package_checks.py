"""What PyPI's own checkers say of the wheel and of the source distribution."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.harness.sdist_build import build_sdist
from tests.support.ci.git_tree import git


def run(tool: str, *arguments: str | Path, cwd: Path | None = None) -> None:
    """Run an installed checker, whose complaints are the test's message."""
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
    # W002 is about files of the same content, which the next test has an opinion of.
    run("check-wheel-contents", "--ignore", "W002", wheel)


def test_only_the_licenses_of_the_protobuf_files_are_there_twice(wheel: Path) -> None:
    """They go with the directory when somebody copies it, and are metadata like all licenses."""
    names: dict[bytes, list[str]] = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            names.setdefault(archive.read(member), []).append(member)
    twice = [sorted(Path(name).name for name in same) for same in names.values() if len(same) > 1]
    assert twice == [["LICENSES.txt", "PROTO-LICENSES.txt"]]


def test_twine_takes_the_wheel_and_the_source_distribution(
    wheel: Path, repo_root: Path, tmp_path: Path
) -> None:
    run("twine", "check", "--strict", wheel, build_sdist(repo_root, tmp_path))


def test_check_sdist_finds_what_git_tracks_and_no_junk(repo_root: Path, tmp_path: Path) -> None:
    if not (repo_root / ".git").exists():
        pytest.skip("the tree is no git checkout")
    # What is committed, in a clone: the junk is for no developer's tree.
    git(tmp_path, "clone", "--quiet", str(repo_root), "clone")
    run("check-sdist", "--no-isolation", "--inject-junk", cwd=tmp_path / "clone")
