"""Replacing a directory atomically."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from temporal_static_libs._build.staging import replacing


@pytest.mark.parametrize("existing", [True, False])
def test_new_directory_replaces_the_old_one(tmp_path: Path, existing: bool) -> None:
    directory = tmp_path / "lib"
    if existing:
        directory.mkdir()
        (directory / "stale.a").touch()
    with replacing(directory, tmp_path / "scratch") as new:
        (new / "fresh.a").touch()
    assert [file.name for file in directory.iterdir()] == ["fresh.a"]
    assert [file.name for file in tmp_path.iterdir()] == ["lib"]


def test_old_directory_stays_if_the_work_fails(tmp_path: Path) -> None:
    directory = tmp_path / "lib"
    directory.mkdir()
    (directory / "old.a").touch()
    with (
        pytest.raises(FileNotFoundError),
        replacing(directory, tmp_path / "scratch") as new,
    ):
        shutil.copy(tmp_path / "none.a", new)
    assert [file.name for file in directory.iterdir()] == ["old.a"]
    assert [file.name for file in tmp_path.iterdir()] == ["lib"]


def test_leftovers_of_a_killed_build_are_removed(tmp_path: Path) -> None:
    left = tmp_path / "scratch" / "new"
    left.mkdir(parents=True)
    (left / "half.a").touch()
    with replacing(tmp_path / "lib", tmp_path / "scratch") as new:
        assert list(new.iterdir()) == []
    assert [file.name for file in tmp_path.iterdir()] == ["lib"]


def test_git_ignores_unfinished_directories(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    command = ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"]
    with replacing(tmp_path / "lib", tmp_path / "scratch") as new:
        (new / "half.a").touch()
        assert subprocess.run(command, capture_output=True, check=True).stdout == b""
        (tmp_path / "other").touch()
        assert subprocess.run(command, capture_output=True, check=True).stdout == b"?? other\n"


def test_directory_can_be_read_by_others(tmp_path: Path) -> None:
    with replacing(tmp_path / "lib", tmp_path / "scratch"):
        pass
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "lib").stat().st_mode == (tmp_path / "plain").stat().st_mode
