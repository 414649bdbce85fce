"""Remembering what was verified, and what invalidates it."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from temporal_static_libs._receipts import (
    can_remember,
    identities,
    remember,
    remembered,
    remembered_facts,
)
from temporal_static_libs._settings import Settings

NAMES = ("manifest.json", "libtemporal_sdk_core.a")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory whose files are at least a minute old, according to their times."""
    directory = tmp_path / "lib"
    directory.mkdir()
    for name in NAMES:
        (directory / name).write_text(name)
    return directory


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with a separate cache."""
    return {"TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache")}


def remember_now(directory: Path, environ: Mapping[str, str], source: str = "wheel") -> None:
    """Remember the directory as it is, as soon as its files are old enough."""
    time.sleep(0.05)
    remember(source, directory, Settings(environ), identities(directory, NAMES))


def receipts(environ: Mapping[str, str]) -> list[Path]:
    """The receipt files."""
    memory = Path(environ["TEMPORAL_LIBS_CACHE_DIR"], "verified")
    return sorted(memory.iterdir()) if memory.is_dir() else []


def test_unknown_directory_is_not_remembered(directory: Path, environ: dict[str, str]) -> None:
    assert not remembered("wheel", directory, Settings(environ))
    assert receipts(environ) == []


def test_directory_is_remembered_until_something_changes(
    directory: Path, environ: dict[str, str]
) -> None:
    remember_now(directory, environ)
    assert remembered("wheel", directory, Settings(environ))
    assert remembered("wheel", directory, Settings(environ), dict.fromkeys(NAMES, ()))
    assert remembered("wheel", directory, Settings(environ), identities(directory, NAMES))


def flip(file: Path) -> None:
    """Change the content in place and restore the mtime."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(file: Path) -> None:
    """Replace the file with another of the same size and times."""
    other = file.with_suffix(".other")
    shutil.copy2(file, other)
    os.replace(other, file)


def link(file: Path) -> None:
    """Move the file and leave a link to it."""
    moved = file.rename(file.with_suffix(".moved"))
    file.symlink_to(moved)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [flip, replace, link, Path.unlink], ids=lambda f: f.__name__)
def test_change_of_any_file_invalidates_the_receipt(
    directory: Path, environ: dict[str, str], change: Callable[[Path], None], name: str
) -> None:
    remember_now(directory, environ)
    time.sleep(0.05)  # so that the times differ, whatever the clock of the file system ticks in
    change(directory / name)
    assert not remembered("wheel", directory, Settings(environ))


def plant(file: Path) -> None:
    """Put another file next to it."""
    file.with_name("libm.so").touch()


def rename(file: Path) -> None:
    """Replace its directory with another that has the same files."""
    other = file.parent.with_name("other")
    other.mkdir()
    for each in file.parent.iterdir():
        each.rename(other / each.name)
    file.parent.rmdir()
    other.rename(file.parent)


@pytest.mark.parametrize("change", [plant, rename], ids=lambda f: f.__name__)
def test_change_of_the_directory_invalidates_the_receipt(
    directory: Path, environ: dict[str, str], change: Callable[[Path], None]
) -> None:
    remember_now(directory, environ)
    time.sleep(0.05)
    change(directory / NAMES[1])
    assert not remembered("wheel", directory, Settings(environ))


def test_write_through_an_already_dirty_mapping_is_not_noticed(
    directory: Path, environ: dict[str, str]
) -> None:
    """A limit that docs/security.md states: such a write does not change mtime or ctime."""
    file = directory / NAMES[1]
    before = file.read_bytes()
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapping:
        mapping[0] = before[0]  # from here on, the page is dirty
        remember_now(directory, environ)
        mapping[0] = before[0] ^ 1
        assert file.read_bytes() != before
        assert remembered("wheel", directory, Settings(environ))


def test_receipt_for_other_files_does_not_count(directory: Path, environ: dict[str, str]) -> None:
    remember_now(directory, environ)
    more = dict.fromkeys((*NAMES, "libtemporal_client.a"), ())
    assert not remembered("wheel", directory, Settings(environ), more)
    assert not remembered("override", directory, Settings(environ))
    other = directory.with_name("other")
    shutil.copytree(directory, other)
    assert not remembered("wheel", other, Settings(environ))


def test_record_replaced_while_being_read_does_not_count(
    directory: Path, environ: dict[str, str]
) -> None:
    as_read = identities(directory, NAMES[:1])
    replace(directory / NAMES[0])
    remember_now(directory, environ)
    assert not remembered("wheel", directory, Settings(environ), {NAMES[1]: (), **as_read})


def test_file_that_changes_while_being_hashed_is_not_remembered(
    directory: Path, environ: dict[str, str]
) -> None:
    before = identities(directory, NAMES)
    time.sleep(0.05)
    flip(directory / NAMES[1])
    time.sleep(0.05)
    remember("wheel", directory, Settings(environ), before)
    assert receipts(environ) == []


def test_file_younger_than_a_clock_tick_is_not_remembered(
    directory: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another change in the same tick would result in the same time."""
    now = (directory / NAMES[1]).stat().st_ctime_ns
    monkeypatch.setattr(time, "time_ns", lambda: now + 1_000_000)
    remember("wheel", directory, Settings(environ), identities(directory, NAMES))
    assert receipts(environ) == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: text[:-1], id="cut"),
        pytest.param(lambda text: text.replace("receipt 3", "receipt 2"), id="of-another-format"),
        pytest.param(lambda text: text.replace("\t", " "), id="garbled"),
        pytest.param(lambda text: "\0" * len(text), id="zeros"),
        pytest.param(lambda text: text.splitlines()[0] + "\n", id="of-nothing"),
        pytest.param(lambda text: text.splitlines()[0], id="one-line"),
    ],
)
def test_damaged_receipt_is_ignored_and_replaced(
    directory: Path, environ: dict[str, str], damage: Callable[[str], str]
) -> None:
    remember_now(directory, environ)
    (receipt,) = receipts(environ)
    whole = receipt.read_text()
    receipt.write_text(damage(whole))
    assert not remembered("wheel", directory, Settings(environ), dict.fromkeys(NAMES, ()))
    assert not remembered("wheel", directory, Settings(environ))
    remember_now(directory, environ)
    assert receipts(environ) == [receipt]
    assert receipt.read_text() == whole


def test_facts_are_kept_while_the_files_are_unchanged(
    directory: Path, environ: dict[str, str]
) -> None:
    facts = {"abi": "x", "sdk-core frameworks": "", "sdk-core system_libraries": "gcc_s c"}
    time.sleep(0.05)
    settings = Settings(environ)
    remember("wheel", directory, settings, identities(directory, NAMES), facts)
    assert remembered_facts("wheel", directory, settings) == facts
    assert remembered_facts("override", directory, settings) == {}
    (receipt,) = receipts(environ)
    whole = receipt.read_text()
    for length in range(len(whole)):  # wherever it is cut, no fact is incomplete
        receipt.write_text(whole[:length])
        kept = remembered_facts("wheel", directory, settings)
        assert kept.items() <= facts.items()
    receipt.write_text(whole)
    time.sleep(0.05)
    flip(directory / NAMES[0])
    assert remembered_facts("wheel", directory, settings) == {}


def test_receipts_are_private_to_the_user(directory: Path, environ: dict[str, str]) -> None:
    before = os.umask(0)
    try:
        remember_now(directory, environ)
    finally:
        os.umask(before)
    (receipt,) = receipts(environ)
    modes = [path.stat().st_mode & 0o777 for path in (receipt, *receipt.parents[:2])]
    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("place", ["cache", "cache/verified"])
def test_receipts_that_others_can_write_to_are_ignored(
    directory: Path, environ: dict[str, str], tmp_path: Path, place: str
) -> None:
    remember_now(directory, environ)
    (tmp_path / place).chmod(0o777)
    assert not remembered("wheel", directory, Settings(environ))


@pytest.mark.parametrize("place", ["cache", "cache/verified"])
def test_receipts_of_another_user_are_ignored(
    directory: Path,
    environ: dict[str, str],
    tmp_path: Path,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember_now(directory, environ)
    if os.geteuid() == 0:
        os.chown(tmp_path / place, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert not remembered("wheel", directory, Settings(environ))


def test_receipts_behind_a_link_are_ignored(
    directory: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    remember_now(directory, environ)
    moved = (tmp_path / "cache" / "verified").rename(tmp_path / "moved")
    (tmp_path / "cache" / "verified").symlink_to(moved)
    assert not remembered("wheel", directory, Settings(environ))


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"TEMPORAL_LIBS_CACHE_DIR": "/proc/no-such-place"}, id="read-only"),
        pytest.param({"TEMPORAL_LIBS_CACHE_DIR": "/dev/null"}, id="no-directory"),
        pytest.param({"HOME": "nowhere"}, id="no-home"),
    ],
)
def test_unwritable_cache_is_not_an_error(directory: Path, environ: dict[str, str]) -> None:
    remember_now(directory, environ)
    assert not remembered("wheel", directory, Settings(environ))


def test_nothing_is_created_in_another_users_home(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 12345, 12345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    settings = Settings({"HOME": str(tmp_path)})
    remember_now(directory, settings.environ)
    assert sorted(tmp_path.iterdir()) == [directory]
    assert not can_remember(settings)


@pytest.fixture
def user() -> Iterator[None]:
    """Run the test as a user other than root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.mark.usefixtures("user")
def test_receipts_are_written_below_a_world_writable_directory() -> None:
    """For example with HOME=/tmp, which is common in containers with an arbitrary user ID."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        for file in NAMES:
            Path(name, file).write_text(file)
        cache = f"{name}-cache"
        settings = Settings({"TEMPORAL_LIBS_CACHE_DIR": cache})
        assert can_remember(settings)
        try:
            remember_now(Path(name), settings.environ)
            assert remembered("wheel", Path(name), settings)
        finally:
            shutil.rmtree(cache, ignore_errors=True)


@pytest.mark.usefixtures("user")
def test_nothing_is_remembered_without_write_permission() -> None:
    assert not can_remember(Settings({"TEMPORAL_LIBS_CACHE_DIR": "/usr/no-such-place"}))


def test_old_receipts_are_deleted(
    directory: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("temporal_static_libs._receipts._KEPT", 2)
    for number, source in enumerate(("wheel", "override", "compiled")):
        remember_now(directory, environ, source)
        newest = max(receipts(environ), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, ns=(number, number))
    assert [receipt.name.partition("-")[0] for receipt in receipts(environ)] == [
        "compiled",
        "override",
    ]
