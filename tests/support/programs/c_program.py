"""C and C++ programs that use the library like a host: linking them and reading their output."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.abi.capi import config


def build_program(source: Path, scratch: Path, options: Sequence[str] = ()) -> Path:
    """Compile a program and link it with the flags that ``temporal-libs-config`` prints.

    Args:
        source: a file in C11 or, if its name ends in ``.cpp``, C++17. Headers are searched next
            to it.
        scratch: the directory for the program.
        options: additional compiler options, such as those of a sanitizer.
    """
    program = scratch / source.stem
    compiler = ["c++", "-std=c++17"] if source.suffix == ".cpp" else ["cc", "-std=c11"]
    cflags = config("--component", "sdk-core", "--cflags").split()
    libraries = config("--component", "sdk-core", "--libs").split()
    compile_it = [*compiler, "-g", "-O1", "-Wall", "-Wextra", "-Werror", *options, *cflags]
    link_it = ["-Wl,--gc-sections", *libraries, "-pthread"]
    command = [*compile_it, str(source), "-o", str(program), *link_it]
    subprocess.run(command, check=True)
    return program


def lines_of(output: str, fields: Sequence[str]) -> list[dict[str, str]]:
    """Parse a program's lines, which have these fields separated by tabs."""
    rows = [line.split("\t") for line in output.splitlines()]
    for row in rows:
        assert len(row) == len(fields), row
    return [dict(zip(fields, row, strict=True)) for row in rows]
