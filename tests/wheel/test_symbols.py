"""The symbol index of archives written by real tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from temporal_static_libs._build.archive_index import defined_symbols

SOURCE = """\
int temporal_core_one(void) { return 1; }
static int hidden(void) { return 2; }
int temporal_core_two(void) { return hidden(); }
"""
EXPECTED = {"temporal_core_one", "temporal_core_two"}


def zig(*arguments: object) -> list[str]:
    """A command of the Zig toolchain, whose `ar` supports every format."""
    return [sys.executable, "-m", "ziglang", *map(str, arguments)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """C code with two global functions and a local one."""
    file = tmp_path / "source.c"
    file.write_text(SOURCE)
    return file


@pytest.fixture
def archive(source: Path) -> Path:
    """An archive made by the system's compiler and ar."""
    obj = source.with_suffix(".o")
    archive = source.with_suffix(".a")
    subprocess.run(["cc", "-c", source, "-o", obj], check=True)
    subprocess.run(["ar", "rcs", archive, obj], check=True)
    return archive


def test_system_ar(archive: Path) -> None:
    assert defined_symbols(archive) == EXPECTED


@pytest.mark.parametrize(
    ("target", "kind", "prefix"),
    [
        pytest.param("x86_64-linux-gnu", "gnu", "", id="elf-gnu"),
        pytest.param("x86_64-linux-gnu", "bsd", "", id="elf-bsd"),
        pytest.param("aarch64-macos", "darwin", "_", id="macho-darwin"),
    ],
)
def test_other_formats(source: Path, target: str, kind: str, prefix: str) -> None:
    obj = source.with_suffix(".o")
    archive = source.with_suffix(".a")
    subprocess.run(zig("cc", "-target", target, "-c", source, "-o", obj), check=True)
    subprocess.run(zig("ar", f"--format={kind}", "rcs", archive, obj), check=True)
    found = {name for name in defined_symbols(archive) if "temporal" in name or "hidden" in name}
    assert found == {prefix + name for name in EXPECTED}


def test_index_with_wide_offsets(source: Path, archive: Path) -> None:
    """GNU's format for archives larger than 4 GiB."""
    wide = source.with_name("wide.a")
    # The index of `archive` with each 4-byte number made 8 bytes wide, because tools here write
    # this format only for a 4 GiB archive.
    content = archive.read_bytes()
    size = int(content[56:66])
    count = int.from_bytes(content[68:72], "big")
    numbers = [content[68 + 4 * n : 72 + 4 * n] for n in range(1 + count)]
    names = content[72 + 4 * count : 68 + size]
    data = b"".join(bytes(4) + number for number in numbers) + names
    header = b"/SYM64/".ljust(48) + str(len(data)).encode().ljust(10) + b"`\n"
    wide.write_bytes(b"!<arch>\n" + header + data)
    assert defined_symbols(wide) == EXPECTED


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "is not an ar archive", id="empty"),
        pytest.param(b"\x7fELF" + bytes(100), "is not an ar archive", id="elf"),
        pytest.param(b"!<arch>\n", "has no first member", id="no-members"),
        pytest.param(b"!<arch>\n" + b" " * 60, "has no first member", id="no-header"),
        pytest.param(
            b"!<arch>\n" + b"a.o/".ljust(48) + b"2".ljust(10) + b"`\nab",
            "has no symbol index",
            id="no-index",
        ),
    ],
)
def test_file_without_an_index_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "file.a"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        defined_symbols(file)


def test_truncated_index_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:80])
    with pytest.raises(ValueError, match="is truncated"):
        defined_symbols(archive)
