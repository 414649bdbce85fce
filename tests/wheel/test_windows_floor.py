"""The proof that an archive for Windows needs no DLL that Windows 10 may lack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_static_libs._targets import target_of_triple
from tools.wheel.floor import FloorError, prove_windows_floor

TARGET = target_of_triple("x86_64-pc-windows-gnu").zig_target
ZIG = (sys.executable, "-m", "ziglang")

Archive = Callable[[str], Path]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A function that makes an archive from C code."""

    def make(source: str) -> Path:
        (tmp_path / "part.c").write_text(source)
        compile_c = [*ZIG, "cc", "-target", TARGET, "-c", "part.c", "-o", "part.o"]
        subprocess.run(compile_c, cwd=tmp_path, check=True)
        archive = tmp_path / "libpart.a"
        subprocess.run([*ZIG, "ar", "rcs", archive, "part.o"], cwd=tmp_path, check=True)
        return archive

    return make


def import_library(tmp_path: Path, dll: str, function: str) -> None:
    """Make the import library for a function of a DLL, for ``-lother``."""
    (tmp_path / "other.def").write_text(f"LIBRARY {dll}\nEXPORTS\n{function}\n")
    command = [*ZIG, "dlltool", "-m", "i386:x86-64", "-d", "other.def", "-l", "libother.a"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_dlls_of_windows_are_accepted_and_listed(archive: Archive) -> None:
    made = archive("int WSAGetLastError(void);\nint part(void) { return WSAGetLastError(); }\n")
    assert {"kernel32.dll", "ws2_32.dll"} <= prove_windows_floor(made, TARGET, ["ws2_32"])


def test_another_dll_is_refused(archive: Archive, tmp_path: Path) -> None:
    """Even if a program would not use the code that calls it."""
    import_library(tmp_path, "other.dll", "other")
    made = archive("int other(void);\nint part(void) { return other(); }\n")
    subprocess.run([*ZIG, "ar", "qcL", made, "libother.a"], cwd=tmp_path, check=True)
    message = r"libpart\.a needs DLLs that Windows 10 may not have: other\.dll$"
    with pytest.raises(FloorError, match=message):
        prove_windows_floor(made, TARGET, [])


def test_function_that_nothing_defines_is_named(archive: Archive) -> None:
    made = archive("int other(void);\nint part(void) { return other(); }\n")
    with pytest.raises(FloorError, match=r"libpart\.a needs what .* does not have: other$"):
        prove_windows_floor(made, TARGET, [])
