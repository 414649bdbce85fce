"""Flags for compilers and linkers."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs._flags import (
    compiler_flags,
    framework_flags,
    library_flags,
    linker_flags,
    shell_join,
    system_library_flags,
)
from temporal_static_libs._manifest import ManifestLibrary
from temporal_static_libs._targets import target_of_triple

LINUX = ManifestLibrary(
    component="client",
    file="libtemporal_client.a",
    size=1,
    sha256="0" * 64,
    api_functions=39,
    system_libraries=("gcc_s", "util", "rt", "pthread", "m", "dl", "c"),
    frameworks=(),
)
MACOS = replace(
    LINUX, system_libraries=("iconv", "System"), frameworks=("Security", "CoreFoundation")
)


LIB = Path("/v/lib")


def test_linux() -> None:
    gc_flag = target_of_triple("x86_64-unknown-linux-gnu").gc_flag
    assert shell_join(compiler_flags(Path("/v/include"))) == "-I/v/include"
    assert shell_join(linker_flags(gc_flag)) == "-Wl,--gc-sections"
    assert shell_join(system_library_flags(LINUX)) == "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    assert shell_join(framework_flags(LINUX)) == ""
    assert shell_join(library_flags(LIB, LINUX)) == (
        "/v/lib/libtemporal_client.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    )


def test_static_programs_on_linux_use_the_static_unwinder() -> None:
    system = "-lgcc_eh -lutil -lrt -lpthread -lm -ldl -lc"
    assert shell_join(system_library_flags(LINUX, static=True)) == system
    assert shell_join(library_flags(LIB, LINUX, static=True)) == (
        f"/v/lib/libtemporal_client.a {system}"
    )
    # As rustc lists them for musl.
    musl = replace(LINUX, system_libraries=("gcc_s", "c"))
    assert shell_join(system_library_flags(musl, static=True)) == "-lgcc_eh -lc"


def test_static_programs_are_refused_on_macos() -> None:
    assert library_flags(LIB, MACOS, static=True) == library_flags(LIB, MACOS)


def test_macos() -> None:
    gc_flag = target_of_triple("aarch64-apple-darwin").gc_flag
    assert shell_join(linker_flags(gc_flag)) == "-Wl,-dead_strip"
    assert shell_join(system_library_flags(MACOS)) == "-liconv -lSystem"
    assert shell_join(framework_flags(MACOS)) == "-framework Security -framework CoreFoundation"
    assert shell_join(library_flags(LIB, MACOS)) == (
        "/v/lib/libtemporal_client.a -liconv -lSystem -framework Security -framework CoreFoundation"
    )


def test_windows_with_mingw() -> None:
    windows = replace(LINUX, system_libraries=("ntdll",))
    gc_flag = target_of_triple("x86_64-pc-windows-gnu").gc_flag
    assert shell_join(linker_flags(gc_flag)) == "-Wl,--gc-sections"
    assert shell_join(library_flags(LIB, windows)) == "/v/lib/libtemporal_client.a -lntdll"


def test_windows_with_msvc() -> None:
    windows = replace(LINUX, file="temporal_client.lib", system_libraries=("ntdll", "ws2_32"))
    gc_flag = target_of_triple("x86_64-pc-windows-msvc").gc_flag
    assert shell_join(compiler_flags(Path("/v/include"), msvc=True)) == "/I/v/include"
    assert shell_join(linker_flags(gc_flag, msvc=True)) == "/link /OPT:REF"
    assert shell_join(system_library_flags(windows, msvc=True)) == "ntdll.lib ws2_32.lib"
    for static in (False, True):  # -static is an option of other compilers
        assert shell_join(library_flags(LIB, windows, static=static, msvc=True)) == (
            "/v/lib/temporal_client.lib ntdll.lib ws2_32.lib"
        )


@pytest.mark.parametrize(
    "directory",
    ["/a b/include", "/it's/include", '/"/include', "/$HOME/`x`/*", "/café", "/bad\udcff", "/a\\b"],
    ids=["space", "quote", "double-quote", "expansions", "umlaut", "no-utf8", "backslash"],
)
def test_shell_reads_quoted_flags_back_unchanged(directory: str) -> None:
    flags = [*compiler_flags(Path(directory)), "-lx"]
    line = shell_join(flags)
    assert shlex.split(line) == flags
    script = f"printf '%s\\n' {line}".encode(errors="surrogateescape")
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode(errors="surrogateescape").splitlines() == flags
