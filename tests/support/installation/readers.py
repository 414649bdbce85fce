"""Readers of the command's answers: a shell, xargs, pkg-config, CMake."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import cmake
import pkgconf

_CMAKE = Path(cmake.CMAKE_BIN_DIR, "cmake")
_LISTS = """\
cmake_minimum_required(VERSION 3.15)
project(reader NONE)
find_package(TemporalStaticLibs CONFIG REQUIRED)
"""
_ARCHIVE = "libtemporal_sdk_core.a"
_MINIMAL = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}


def words_of_shell(line: bytes) -> list[bytes]:
    """Split a line into words like a shell."""
    command = [b"sh", b"-c", b"printf '%s\\0' " + line]
    return _run(command, _MINIMAL).split(b"\0")[:-1]


def words_of_xargs(answer: bytes) -> list[bytes]:
    """Split an answer into words like xargs."""
    return _run(["xargs", "printf", r"%s\0"], _MINIMAL, answer).split(b"\0")[:-1]


def flags_of_pkg_config(directory: bytes) -> list[bytes]:
    """Get a module's flags from pkg-config, split by a shell."""
    environ = {**os.environb, b"PKG_CONFIG_PATH": directory}
    environ.pop(b"PKG_CONFIG_LIBDIR", None)
    command = [str(pkgconf.get_executable()), "--libs", "temporal-sdk-core"]
    return words_of_shell(_run(command, environ).strip())


def archive_of_cmake(directory: bytes, scratch: Path) -> bytes:
    """Configure with CMake and a package as documented, and return the archive's path.

    CMake links a copy in the build tree, which a build recreates from the archive.

    Args:
        directory: the directory of the CMake package.
        scratch: an empty directory.
    """
    (scratch / "CMakeLists.txt").write_text(_LISTS, encoding="ascii")
    build = scratch / "build"
    command = [os.fsencode(_CMAKE), b"-S", os.fsencode(scratch), b"-B", os.fsencode(build)]
    _run([*command, b"-GUnix Makefiles", b"-DTemporalStaticLibs_DIR=" + directory], os.environ)
    rules = build / "CMakeFiles" / f"TemporalStaticLibs_copy_{_ARCHIVE}.dir" / "build.make"
    (line,) = (it for it in rules.read_bytes().splitlines() if b" -E copy_if_different " in it)
    archive, copy = words_of_shell(line.split(b" -E copy_if_different ")[1].replace(b"$$", b"$"))
    os.unlink(copy)
    _run(
        [str(_CMAKE), "--build", str(build), "--target", f"TemporalStaticLibs_copy_{_ARCHIVE}"],
        os.environ,
    )
    with open(archive, "rb") as source, open(copy, "rb") as made:
        assert source.read() == made.read()
    return archive


def _run(
    command: list[bytes] | list[str],
    environ: Mapping[str, str] | Mapping[bytes, bytes],
    stdin: bytes = b"",
) -> bytes:
    done = subprocess.run(
        command, env=environ, cwd="/", input=stdin, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout
