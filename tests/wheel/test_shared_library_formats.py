"""Shared libraries for other platforms, from archives with functions that do nothing."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import ziglang

from temporal_static_libs._components import SDK_CORE
from temporal_static_libs._shared.exports import exported_symbols
from temporal_static_libs._shared.formats import FORMATS, ROOTS_FILE
from temporal_static_libs._shared.linker import find_linker
from temporal_static_libs._targets import TARGETS, Target
from tests.support.ci.skips import require_program
from tests.support.shared.stand_in import make_stand_in
from tools.shared.proof import ProofError, prove

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

ZIG = (sys.executable, "-m", "ziglang")
BY_PLATFORM = {target.platform: target for target in TARGETS}
WINDOWS = Target("windows-x64-gnu", "x86_64-pc-windows-gnu", "10", "19.3", "windows-2025")


def zig_for(target: Target) -> tuple[str, ...]:
    """A C compiler for a target that compiles objects without Zig's own libraries."""
    return (*ZIG, "cc", "-target", target.zig_target)


@pytest.mark.parametrize("platform", ["linux-arm64", "linux-x64-musl"])
def test_zig_links_for_another_linux(script: Command, tmp_path: Path, platform: str) -> None:
    target = BY_PLATFORM[platform]
    archives = make_stand_in(tmp_path / "archives", target, zig_for(target), (*ZIG, "ar"))
    environ = {"TEMPORAL_LIBS_DIR": str(archives), "CC": shlex.join([*ZIG, "cc"])}
    (line,) = script.lines("--shared", str(tmp_path), environ=environ)
    facts = list(prove(Path(line), FORMATS["linux"], target, target.floor_version))
    assert "soname, full RELRO, no executable stack" in facts
    assert ("needs glibc 2.17, promised is 2.17" in facts) == (target.floor_name == "glibc")


def apple_linker() -> str:
    """LLVM's linker for macOS, under any of its names."""
    found = [*Path("/usr/lib").glob("llvm-*/bin/ld64.lld"), *Path("/usr/bin").glob("ld64.lld*")]
    return str(found[0]) if found else require_program("ld64.lld")


def test_clang_links_for_macos(script: Command, tmp_path: Path) -> None:
    """With LLVM's linker instead of Apple's, and Zig's stub of the system library."""
    target = BY_PLATFORM["macos-arm64"]
    archiver = (*ZIG, "ar", "--format=darwin")
    archives = make_stand_in(tmp_path / "archives", target, zig_for(target), archiver, ("System",))
    stubs = Path(ziglang.__file__).parent / "lib" / "libc" / "darwin"
    compiler = [require_program("clang"), "--target=arm64-apple-macos11", "-mlinker-version=700"]
    compiler += [f"--ld-path={apple_linker()}", f"-L{stubs}"]
    environ = {"TEMPORAL_LIBS_DIR": str(archives), "CC": shlex.join(compiler)}
    (line,) = script.lines("--shared", str(tmp_path), environ=environ)
    assert line == str(tmp_path / "libtemporalio_sdk_core_c_bridge.dylib")
    facts = list(prove(Path(line), FORMATS["macos"], target, target.floor_version))
    assert facts[1:] == ["install name, for macOS 11.0.0"]


def test_mingw_links_for_windows(tmp_path: Path) -> None:
    """Uses the parts of `--shared`, because there is no wheel for Windows yet."""
    compiler = require_program("x86_64-w64-mingw32-gcc")
    archiver = require_program("x86_64-w64-mingw32-ar")
    archives = make_stand_in(tmp_path / "archives", WINDOWS, [compiler], [archiver])
    form, symbols = FORMATS["windows"], exported_symbols(SDK_CORE)
    linker = find_linker(WINDOWS, {"PATH": str(Path(compiler).parent)})
    assert linker.command == (compiler,)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / form.exports_file).write_text(form.exports(symbols), encoding="ascii")
    (scratch / ROOTS_FILE).write_text(form.roots(symbols), encoding="ascii")
    name = form.file_name(SDK_CORE)
    arguments = form.arguments(name, WINDOWS, WINDOWS.floor_version)
    archive = archives / "libtemporal_sdk_core.a"
    environ = {"PATH": str(Path(shutil.which("sh") or "/bin/sh").parent)}
    linker.run([*arguments, str(archive), "-static-libgcc"], scratch, environ)
    assert list(prove(scratch / name, form, WINDOWS, WINDOWS.floor_version)) == [
        f"exports the {len(symbols)} functions of the interface and no others",
        "imports from kernel32.dll, msvcrt.dll",
    ]

    # For example GCC's, which other machines lack.
    (scratch / "other.c").write_text("__declspec(dllexport) int other(void) { return 1; }\n")
    linker.run(["-shared", "other.c", "-o", "other-1.dll"], scratch, environ)
    (scratch / "use.c").write_text(
        "__declspec(dllimport) int other(void);\nint use(void) { return other(); }\n"
    )
    arguments += [str(archive), "use.c", "other-1.dll", "-Wl,-u,use", "-static-libgcc"]
    linker.run([*arguments, "-Wl,--no-gc-sections"], scratch, environ)
    with pytest.raises(ProofError, match="needs DLLs that Windows may not have: other-1"):
        list(prove(scratch / name, form, WINDOWS, WINDOWS.floor_version))
