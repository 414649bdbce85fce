"""Creating files and links atomically."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_static_libs._whole_files import link_whole, remove_leftovers, write_whole

DAY = 24 * 60 * 60
LEFTOVER = ".a.txt.0123456789abcdef.new"

Make = Callable[[Path], None]


def write(file: Path) -> None:
    write_whole(file, b"text")


def link(file: Path) -> None:
    link_whole(file, b"/somewhere")


def leave(file: Path, age: float) -> Path:
    """Make a file of a given age in seconds."""
    file.touch()
    os.utime(file, (time.time() - age,) * 2)
    return file


@pytest.mark.parametrize("make", [write, link])
def test_existing_file_is_replaced_without_leftovers(tmp_path: Path, make: Make) -> None:
    file = tmp_path / "a.txt"
    for _ in range(2):
        make(file)
    assert [it.name for it in tmp_path.iterdir()] == ["a.txt"]
    assert file.is_symlink() if make is link else file.read_bytes() == b"text"


@pytest.mark.parametrize("make", [write, link])
def test_failure_leaves_the_existing_file(tmp_path: Path, make: Make) -> None:
    place = tmp_path / "a.txt"
    (place / "inside").mkdir(parents=True)  # a nonempty directory cannot be replaced
    with pytest.raises(IsADirectoryError):
        make(place)
    assert [it.name for it in tmp_path.rglob("*")] == ["a.txt", "inside"]


def test_full_disk_leaves_the_existing_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write(file)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(file, b"longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == b"text"
    assert [it.name for it in tmp_path.iterdir()] == ["a.txt"]


def test_leftovers_older_than_a_day_are_removed(tmp_path: Path) -> None:
    old = leave(tmp_path / LEFTOVER, DAY + 60)
    new = leave(tmp_path / LEFTOVER.replace("0", "1"), DAY - 60)
    others = [leave(tmp_path / name, 2 * DAY) for name in ("a.txt", ".a.txt.new", ".a.12.new")]
    remove_leftovers(tmp_path)
    assert not old.exists()
    assert {*tmp_path.iterdir()} == {new, *others}


def test_leftovers_of_other_files_stay(tmp_path: Path) -> None:
    leave(tmp_path / LEFTOVER, 2 * DAY)
    remove_leftovers(tmp_path, "b.txt")
    assert (tmp_path / LEFTOVER).exists()
    remove_leftovers(tmp_path, "a.txt")
    assert not (tmp_path / LEFTOVER).exists()


def test_missing_directory_has_no_leftovers(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "nowhere")
