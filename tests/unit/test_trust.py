"""Which libraries are trusted: those that others can change or plant are refused."""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import sys
import sysconfig
import time
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import ChecksumMismatchError, MissingLibraryError, _ownership
from temporal_static_libs._cli.doctor import Finding, examine
from temporal_static_libs._library_set import (
    HEADER,
    INCLUDE_DIR,
    LoadedSet,
    include_dir,
    override_set,
)
from temporal_static_libs._origin import override_origin, wheel_origin
from temporal_static_libs._settings import Settings
from temporal_static_libs._verify import RecordedFile, verify_directory

ARCHIVE = "libtemporal_sdk_core.a"
RECORDS = ("checksums.sha256", "manifest.json")
GUARDED = (".", ARCHIVE, *RECORDS)

# A user who is neither the current one nor root.
NOBODY = 65534


@pytest.fixture
def directory(tmp_path: Path, package_dir: Path) -> Path:
    """Archives for TEMPORAL_LIBS_DIR that only the user can write to."""
    directory = tmp_path / "libs"
    before = os.umask(0o022)
    try:
        directory.mkdir()
        for name in (ARCHIVE, "libtemporal_client.a", *RECORDS):
            shutil.copyfile(package_dir / "lib" / name, directory / name)
    finally:
        os.umask(before)
    time.sleep(0.05)  # so that a receipt can be written
    return directory


@pytest.fixture
def settings(directory: Path, tmp_path: Path) -> Settings:
    """Settings with that directory and an empty cache."""
    return Settings(
        {"TEMPORAL_LIBS_DIR": str(directory), "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache")}
    )


def ask(directory: Path, settings: Settings) -> LoadedSet:
    """Load the libraries as each option does."""
    return override_set(directory).verified_once(settings)


def refusal(directory: Path, settings: Settings) -> str:
    """The error message for the directory."""
    with pytest.raises(ChecksumMismatchError) as caught:
        ask(directory, settings)
    return str(caught.value)


def allow(path: Path, more: int) -> None:
    """Let others write to a file or directory."""
    path.chmod(path.stat().st_mode | more)


@pytest.mark.parametrize(
    "name",
    [
        *("libm.so", "libm.so.6", "libtemporal_sdk_core.so", "libgcc_s.so.1", "LIBM.SO"),
        *("libSystem.dylib", "libSystem.tbd", "m.dll", "libm.a", "m.lib", "libm.dll.a"),
    ],
)
def test_library_that_a_linker_could_use_instead_is_refused(
    directory: Path, settings: Settings, name: str
) -> None:
    (directory / name).touch()
    text = refusal(directory, settings)
    assert text.startswith(f"{name} is not recorded: a linker could use it instead ")
    assert f"\n  file:   {directory / name}\n" in text
    # The advice is not to remove it, because the directory may be /usr/local/lib.
    assert text.endswith(
        "\n  fix:    move the archives, manifest.json and checksums.sha256 to a directory without "
        "other libraries, and set TEMPORAL_LIBS_DIR to it"
    )
    wheel = replace(override_set(directory), origin=wheel_origin())
    with pytest.raises(ChecksumMismatchError) as caught:
        wheel.compare()
    fix = f"\n  fix:    rm {directory / name}   # or move it to another directory"
    assert str(caught.value).endswith(fix)


def test_unrecorded_link_or_directory_is_refused_too(directory: Path, settings: Settings) -> None:
    (directory / "libm.so").symlink_to("nowhere")
    assert refusal(directory, settings).startswith("libm.so is not recorded")
    (directory / "libm.so").unlink()
    (directory / "libm.so").mkdir()
    assert refusal(directory, settings).startswith("libm.so is not recorded")


def test_other_files_are_allowed(directory: Path, settings: Settings) -> None:
    for name in ("libm.so-notes", "a", "so", ".gitignore", "libm.so~", "libm.rlib", "._libm.a"):
        (directory / name).touch()
    (directory / "more").mkdir()
    (directory / "more" / "libm.so").touch()
    assert ask(directory, settings).verified == "hashed"


def test_library_planted_later_is_refused_until_it_is_removed(
    directory: Path, settings: Settings
) -> None:
    assert ask(directory, settings).verified == "hashed"
    assert ask(directory, settings).verified == "remembered"
    (directory / "libm.so").touch()
    for _ in range(2):
        assert refusal(directory, settings).startswith("libm.so is not recorded")
    (directory / "libm.so").unlink()
    time.sleep(0.05)
    assert ask(directory, settings).verified == "hashed"
    assert ask(directory, settings).verified == "remembered"


@pytest.mark.parametrize("name", ["cache", "."])
def test_directory_that_contains_the_cache_can_be_remembered(directory: Path, name: str) -> None:
    settings = Settings({"TEMPORAL_LIBS_CACHE_DIR": str(directory / name)})
    directory.chmod(0o700)
    time.sleep(0.05)
    found = []
    for _ in range(3):
        found.append(ask(directory, settings).verified)
        time.sleep(0.05)
    assert found[-1] == "remembered", found


def test_verify_always_ignores_receipts(directory: Path, settings: Settings) -> None:
    ask(directory, settings)
    assert ask(directory, settings).verified == "remembered"
    always = Settings({**settings.environ, "TEMPORAL_LIBS_VERIFY": "always"})
    assert ask(directory, always).verified == "hashed"
    assert ask(directory, always).verified == "hashed"
    assert ask(directory, settings).verified == "remembered"


def test_verify_always_detects_writes_through_a_mapping(
    directory: Path, settings: Settings
) -> None:
    archive = directory / ARCHIVE
    archive.chmod(0o664)  # so that a member of the group can do it
    with archive.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapping:
        mapping[0] = mapping[0]
        time.sleep(0.05)
        assert ask(directory, settings).verified == "hashed"
        mapping[0] ^= 1
        assert ask(directory, settings).verified == "remembered"  # and wrong
        always = Settings({**settings.environ, "TEMPORAL_LIBS_VERIFY": "always"})
        assert refusal(directory, always).startswith(f"{ARCHIVE} was altered: SHA-256 mismatch: ")


@pytest.mark.parametrize("name", GUARDED)
def test_world_writable_file_or_directory_is_refused(
    directory: Path, settings: Settings, name: str
) -> None:
    ask(directory, settings)
    allow(directory / name, 0o002)
    path = directory / name
    text = refusal(directory, settings)
    assert text.startswith(f"{path.name} is not trusted: every user can write to it (mode ")
    assert f"\n  fix:    chmod o-w {path}   # if you trust what is in it" in text
    path.chmod(path.stat().st_mode & ~0o002)
    assert ask(directory, settings).verified == "hashed"


def test_sticky_bit_keeps_others_from_replacing_files(directory: Path, settings: Settings) -> None:
    directory.chmod(0o1777)
    ask(directory, settings)
    (directory / ARCHIVE).chmod(0o1666)  # which has no meaning for a file
    assert refusal(directory, settings).startswith(f"{ARCHIVE} is not trusted: ")


@pytest.mark.parametrize("name", GUARDED)
def test_group_writable_file_or_directory_is_accepted_and_reported(
    directory: Path, settings: Settings, name: str
) -> None:
    allow(directory / name, 0o020)
    ask(directory, settings)
    (note,) = notes(settings)
    assert note.is_well
    assert note.text.startswith(f"the group can write to {directory / name} (")


def notes(settings: Settings) -> list[Finding]:
    """The findings of `--doctor` about modes."""
    findings = list(examine(settings))
    assert all(found.is_well for found in findings), findings
    return [found for found in findings if found.subject == "permissions"]


def test_files_that_only_the_owner_can_write_to_are_not_reported(settings: Settings) -> None:
    assert notes(settings) == []


def test_doctor_reports_what_is_refused(directory: Path, settings: Settings) -> None:
    (directory / "libm.so").touch()
    (found,) = [found for found in examine(settings) if not found.is_well]
    assert found.subject == "directory"
    assert found.text.startswith("libm.so is not recorded: ")


def test_doctor_reports_that_verify_always_remembers_nothing(settings: Settings) -> None:
    always = Settings({**settings.environ, "TEMPORAL_LIBS_VERIFY": "always"})
    (found,) = [found for found in examine(always) if found.subject == "memory"]
    expected = "the archives are hashed on every call: TEMPORAL_LIBS_VERIFY is set to always"
    assert found.text == expected


@pytest.mark.parametrize("name", [".", *RECORDS])
def test_directory_and_records_of_another_user_are_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    owner = os.geteuid()
    if owner == 0:
        owner = NOBODY
        os.chown(directory / name, owner, owner)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(ChecksumMismatchError, match=f"its owner, the user with the ID {owner},"):
        verify_directory(directory, recorded(directory), override_origin(directory), Path("/"))
    # Unless that user owns the package, which is trusted anyway.
    whose = directory / name
    verify_directory(directory, recorded(directory), override_origin(directory), whose)


@pytest.fixture
def include(directory: Path, settings: Settings) -> Path:
    """The directory of those archives' header, next to them, which is used."""
    include = directory.parent / "include"
    include.mkdir(mode=0o755)
    shutil.copyfile(HEADER, include / HEADER.name)
    assert include_dir(settings) == include
    return include


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a link to another user")
@pytest.mark.parametrize("name", [".", HEADER.name])
def test_header_behind_another_users_link_is_not_used(
    include: Path, settings: Settings, name: str
) -> None:
    link = include / name if name != "." else include
    link.rename(include.parent / "elsewhere")
    link.symlink_to(include.parent / "elsewhere")
    assert include_dir(settings) == include
    os.lchown(link, NOBODY, NOBODY)
    assert include_dir(settings) == INCLUDE_DIR


def test_header_in_a_world_writable_directory_is_not_used(
    include: Path, settings: Settings
) -> None:
    include.chmod(0o1777)
    assert include_dir(settings) == INCLUDE_DIR


def recorded(directory: Path) -> list[RecordedFile]:
    """The archives, as listed in their checksums."""
    return [
        RecordedFile(file, hashlib.sha256(b"").hexdigest(), None, directory / RECORDS[0])
        for file in directory.glob("*.a")
    ]


def test_unreadable_directory_is_an_error(directory: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(MissingLibraryError, match="gone is missing"):
        verify_directory(gone, recorded(directory), override_origin(gone), directory)


@pytest.mark.parametrize("mode", [0o777, 0o666], ids=["0777", "0666"])
def test_file_system_without_modes_is_reported_and_not_refused(
    directory: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """Simulates the kernel's list of mounts, because only root can mount one."""
    directory.chmod(0o777)
    for path in directory.iterdir():
        path.chmod(mode)
    device = directory.stat().st_dev
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(_ownership, "_MOUNTS", str(mounts))
    number = f"{os.major(device)}:{os.minor(device)}"
    row = f"36 35 {number} / /mnt/c rw,noatime shared:1 - %s /dev/x rw\n"
    mounts.write_text(row % "ext4")
    assert refusal(directory, settings).startswith("libs is not trusted: every user can write")
    mounts.write_text(row % "vfat")
    ask(directory, settings)
    (note,) = notes(settings)
    assert note.text.startswith("the file system has no modes, so all users who can write ")
    assert note.text.count("(") == 5
    mounts.unlink()  # macOS has no such list
    directory.chmod(0o777)
    assert refusal(directory, settings).startswith("libs is not trusted: every user can write")


def test_windows_without_user_ids_accepts_every_owner_and_mode(
    directory: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (directory, *directory.iterdir()):
        path.chmod(0o777)
    sysconfig.get_config_vars()  # the doctor needs them, and they depend on the platform
    for name in ("geteuid", "major", "minor"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("temporal_static_libs._cli.doctor.tool_findings", lambda environ: ())
    assert ask(directory, settings).verified == "hashed"
    assert notes(settings) == []
    assert replace(override_set(directory), trusted=Path("/")).verify(settings).verified == "hashed"
