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
from temporal_static_libs._library_set import LoadedSet
from temporal_static_libs._manifest import Manifest, ManifestLibrary
from temporal_static_libs._origin import wheel_origin

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


def loaded(target: str, library: ManifestLibrary) -> LoadedSet:
    """A set of one archive in /v/lib."""
    manifest = Manifest(
        version="0.10.1",
        abi="a",
        target=target,
        platform="",
        floor_name="",
        floor_version="",
        rustc=None,
        cargo_profile=None,
        cargo_features=None,
        source_commit=None,
        cargo_lock_sha256=None,
        rust_sources_sha256=None,
        header_sha256="",
        libraries=(library,),
    )
    return LoadedSet(wheel_origin(), Path("/v/lib"), manifest, (), trusted=Path("/v"), records={})


def test_linux() -> None:
    libraries = loaded("x86_64-unknown-linux-gnu", LINUX)
    assert shell_join(compiler_flags(Path("/v/include"))) == "-I/v/include"
    assert shell_join(linker_flags(libraries)) == "-L/v/lib -Wl,--gc-sections"
    assert shell_join(system_library_flags(LINUX)) == "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    assert shell_join(framework_flags(LINUX)) == ""
    assert shell_join(library_flags(libraries, LINUX)) == (
        "-L/v/lib -ltemporal_client -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    )


def test_macos() -> None:
    libraries = loaded("aarch64-apple-darwin", MACOS)
    assert shell_join(linker_flags(libraries)) == "-L/v/lib -Wl,-dead_strip"
    assert shell_join(system_library_flags(MACOS)) == "-liconv -lSystem"
    assert shell_join(framework_flags(MACOS)) == "-framework Security -framework CoreFoundation"
    assert shell_join(library_flags(libraries, MACOS)) == (
        "-L/v/lib -ltemporal_client -liconv -lSystem -framework Security -framework CoreFoundation"
    )


@pytest.mark.parametrize(
    "directory",
    ["/a b/include", "/it's/include", '/"/include', "/$HOME/`x`/*", "/café", "/bad\udcff", "/a\\b"],
    ids=["blank", "quote", "double-quote", "expansions", "umlaut", "no-utf8", "backslash"],
)
def test_a_shell_reads_back_what_is_quoted(directory: str) -> None:
    flags = [*compiler_flags(Path(directory)), "-lx"]
    line = shell_join(flags)
    assert shlex.split(line) == flags
    script = f"printf '%s\\n' {line}".encode(errors="surrogateescape")
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode(errors="surrogateescape").splitlines() == flags
