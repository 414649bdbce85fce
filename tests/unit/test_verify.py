"""Verifying files against their records."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import ChecksumMismatchError, MissingLibraryError, __version__
from temporal_static_libs._origin import Origin, override_origin, wheel_origin
from temporal_static_libs._verify import RecordedFile, verify_files

CONTENT = b"!<arch>\n" + bytes(range(256)) * 8192
ORIGIN = wheel_origin()

# A user who is neither the current one nor root.
NOBODY = 65534


@pytest.fixture
def recorded(tmp_path: Path) -> RecordedFile:
    """A file that matches its record."""
    path = tmp_path / "libtemporal_sdk_core.a"
    path.write_bytes(CONTENT)
    record = tmp_path / "checksums.sha256"
    record.touch()
    return RecordedFile(path, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), record)


def complaint(file: RecordedFile, error: type[Exception], origin: Origin = ORIGIN) -> str:
    """The error message of the verification."""
    with pytest.raises(error) as caught:
        verify_files([file], origin, file.record)
    assert type(caught.value) is error
    return str(caught.value)


def test_unchanged_file_passes_with_and_without_a_recorded_size(recorded: RecordedFile) -> None:
    verify_files([recorded, replace(recorded, size=None)], ORIGIN, recorded.record)


def test_missing_file(recorded: RecordedFile) -> None:
    recorded.path.unlink()
    message = complaint(recorded, MissingLibraryError)
    assert message.startswith("libtemporal_sdk_core.a is missing\n")
    assert str(recorded.path) in message


def test_missing_directory(recorded: RecordedFile) -> None:
    file = replace(recorded, path=recorded.record / recorded.path.name)
    assert "is missing" in complaint(file, MissingLibraryError)


def test_directory_instead_of_the_file(recorded: RecordedFile) -> None:
    recorded.path.unlink()
    recorded.path.mkdir()
    assert "is not a file" in complaint(recorded, MissingLibraryError)


def test_named_pipe_instead_of_the_file_does_not_block(recorded: RecordedFile) -> None:
    recorded.path.unlink()
    os.mkfifo(recorded.path)
    assert "is not a file" in complaint(recorded, MissingLibraryError)


def test_link_to_itself(recorded: RecordedFile) -> None:
    recorded.path.unlink()
    recorded.path.symlink_to(recorded.path)
    assert "cannot be read: " in complaint(recorded, MissingLibraryError)


def test_truncated_file_is_detected_by_its_size(recorded: RecordedFile) -> None:
    recorded.path.write_bytes(CONTENT[:1000])
    message = complaint(recorded, ChecksumMismatchError)
    assert f"is truncated: it has 1000 bytes, expected {len(CONTENT)}" in message


def test_longer_file_is_detected_by_its_size(recorded: RecordedFile) -> None:
    recorded.path.write_bytes(CONTENT + b"\n")
    assert f"was altered: it has {len(CONTENT) + 1} bytes" in complaint(
        recorded, ChecksumMismatchError
    )


def test_flipped_bit_is_detected_by_the_hash(recorded: RecordedFile) -> None:
    altered = bytearray(CONTENT)
    altered[-1] ^= 1
    recorded.path.write_bytes(altered)
    message = complaint(recorded, ChecksumMismatchError)
    assert hashlib.sha256(altered).hexdigest() in message
    assert recorded.sha256 in message


def test_every_file_is_checked(recorded: RecordedFile, tmp_path: Path) -> None:
    second = replace(recorded, path=tmp_path / "libtemporal_client.a")
    with pytest.raises(MissingLibraryError, match=r"libtemporal_client\.a is missing"):
        verify_files([recorded, second], ORIGIN, recorded.record)


def test_link_to_another_directory_is_refused_even_with_the_right_content(
    recorded: RecordedFile, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    recorded.path.rename(elsewhere / recorded.path.name)
    recorded.path.symlink_to(elsewhere / recorded.path.name)
    message = complaint(recorded, ChecksumMismatchError)
    assert f"was replaced: it is a symbolic link to {elsewhere / recorded.path.name}," in message


def test_package_whose_files_all_link_into_one_store_passes(
    recorded: RecordedFile, tmp_path: Path
) -> None:
    linked = tmp_path / "site"
    linked.mkdir()
    for path in (recorded.path, recorded.record):
        (linked / path.name).symlink_to(path)
    file = replace(recorded, path=linked / recorded.path.name, record=linked / recorded.record.name)
    verify_files([file], ORIGIN, file.record)


def test_file_of_another_user_is_refused_even_with_the_right_content(
    recorded: RecordedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    if owner == 0:
        owner = NOBODY
        os.chown(recorded.path, owner, owner)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(ChecksumMismatchError) as caught:
        verify_files([recorded], ORIGIN, Path("/"))
    whose = f"is not trusted: its owner, the user with the ID {owner}, could"
    assert whose in str(caught.value)
    # Unless that user owns what is trusted anyway.
    verify_files([recorded], ORIGIN, recorded.path)


def test_message_about_the_wheel_contains_the_command_to_fix_it(
    recorded: RecordedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my venv/bin/python")
    recorded.path.unlink()
    message = complaint(recorded, MissingLibraryError, wheel_origin())
    assert f"  source: wheel (temporal-static-libs {__version__})\n" in message
    assert message.endswith(
        "  fix:    '/opt/my venv/bin/python' -m pip install --force-reinstall --no-cache-dir "
        f"temporal-static-libs=={__version__}"
    )


def test_message_about_an_override_names_it(recorded: RecordedFile, tmp_path: Path) -> None:
    recorded.path.unlink()
    message = complaint(recorded, MissingLibraryError, override_origin(tmp_path))
    assert f"  source: override (TEMPORAL_LIBS_DIR={tmp_path})\n" in message
    assert "  fix:    unset TEMPORAL_LIBS_DIR" in message
