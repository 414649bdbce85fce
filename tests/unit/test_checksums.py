"""`checksums.sha256`."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from temporal_static_libs._checksums import format_checksums, parse_checksums, sha256_of

SHA = "ab" * 32


def test_sha256_matches_hashlib(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000  # more than one read, and not a multiple of a read's size
    file = tmp_path / "file"
    file.write_bytes(content)
    assert sha256_of(file) == hashlib.sha256(content).hexdigest()


def test_sha256sum_accepts_written_checksums(tmp_path: Path) -> None:
    files = {"libb.a": b"b", "liba.a": b"", "with space.a": b"c"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    text = format_checksums({name: sha256_of(tmp_path / name) for name in files})
    (tmp_path / "checksums.sha256").write_text(text)
    subprocess.run(["sha256sum", "--strict", "-c", "checksums.sha256"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("option", ["--text", "--binary"])
def test_output_of_sha256sum_is_read(tmp_path: Path, option: str) -> None:
    (tmp_path / "liba.a").write_bytes(b"a")
    (tmp_path / "libb.a").write_bytes(b"b")
    command = ["sha256sum", option, "liba.a", "libb.a"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert parse_checksums(done.stdout) == {
        name: sha256_of(tmp_path / name) for name in ("liba.a", "libb.a")
    }


def test_uppercase_digits_are_accepted() -> None:
    assert parse_checksums(f"{SHA.upper()}  a.a\n") == {"a.a": SHA}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "it lists no files", id="empty"),
        pytest.param("\n\n", "it lists no files", id="blank-lines"),
        pytest.param(f"{SHA}  a.a\nhello\n", "line 2 does not have", id="other-text"),
        pytest.param(f"{SHA[:-1]}  a.a\n", "line 1 does not have", id="short-hash"),
        pytest.param(f"{SHA}\n", "line 1 does not have", id="no-file"),
        pytest.param("<!DOCTYPE html>\n", "line 1 does not have", id="web-page"),
    ],
)
def test_other_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_checksums(text)


@pytest.mark.parametrize(
    "file", ["../a.a", "/a.a", "a/b.a", "..", ".", "a\\b.a", "a\0.a", "a\tb.a", "ä.a"]
)
def test_file_in_another_directory_is_refused(file: str) -> None:
    with pytest.raises(ValueError, match=r"line 2 names .* not a plain file name"):
        parse_checksums(f"{SHA}  a.a\n{SHA}  {file}\n")


def test_files_in_subdirectories_are_allowed_on_request() -> None:
    assert parse_checksums(f"{SHA}  a/b.a\n", may_be_below=True) == {"a/b.a": SHA}
    for file in ("../a.a", "/a.a", "a/../b.a", "a//b.a"):
        with pytest.raises(ValueError, match="not a plain file name"):
            parse_checksums(f"{SHA}  {file}\n", may_be_below=True)
