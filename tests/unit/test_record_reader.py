"""The function that reads all records."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_static_libs import MissingLibraryError
from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._manifest import parse_manifest
from temporal_static_libs._receipts import identities, remember, remembered
from temporal_static_libs._records import LIMIT, parse_json, read_record, read_text
from temporal_static_libs._settings import Settings
from temporal_static_libs._sources import prepare


def test_record_at_the_size_limit_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "record"
    file.write_bytes(b"x" * LIMIT)
    assert read_text(file) == "x" * LIMIT
    file.write_bytes(b"x" * (LIMIT + 1))
    with pytest.raises(ValueError, match=f"larger than {LIMIT} bytes"):
        read_record(file)


def test_endless_device_is_refused() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read_record("/dev/zero")


@pytest.mark.parametrize("read", [read_record, sha256_of], ids=["record", "archive"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["named-pipe", "directory"])
def test_anything_but_a_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], read: Callable[[Path], object]
) -> None:
    make(tmp_path / "record")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r"regular file|directory"):
        read(tmp_path / "record")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("parse", [parse_json, parse_manifest])
def test_deeply_nested_json_is_refused(parse: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse("[" * 100_000)


@pytest.mark.parametrize("name", ["checksums.sha256", "manifest.json"])
def test_named_pipe_instead_of_a_description_is_reported(
    tmp_path: Path, package_dir: Path, name: str
) -> None:
    for file in (package_dir / "lib").iterdir():
        if file.name != name:
            (tmp_path / file.name).symlink_to(file)
    os.mkfifo(tmp_path / name)
    with pytest.raises(MissingLibraryError, match=rf"{name} cannot be read: .*not a regular file"):
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(tmp_path)}))


def test_named_pipe_instead_of_a_receipt_is_ignored(tmp_path: Path) -> None:
    settings = Settings({"TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache")})
    file = tmp_path / "archive"
    file.touch()
    os.utime(file, ns=(1, 1))
    while not (tmp_path / "cache" / "verified").is_dir():  # until the file is old enough
        remember("wheel", tmp_path, settings, identities(tmp_path, ["archive"]))
    (receipt,) = (tmp_path / "cache" / "verified").iterdir()
    receipt.unlink()
    os.mkfifo(receipt)
    assert not remembered("wheel", tmp_path, settings)
