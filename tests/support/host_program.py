"""Host programs in C that use the library: linked with it, and run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from capi import config


def link_host_program(source: Path, scratch: Path, *options: str) -> Path:
    """Compile a program and link it with the installed archive.

    Args:
        source: the C file; headers are looked for next to it.
        scratch: where the program is put.
        options: for the compiler.
    """
    program = scratch / source.stem
    warnings = ["-Wall", "-Wextra", "-Werror"]
    cflags = config("--component", "sdk-core", "--cflags").split()
    libs = config("--component", "sdk-core", "--libs").split()
    compiler = ["cc", "-std=c11", "-O1", *warnings, *options, *cflags]
    command = [*compiler, str(source), "-o", str(program), "-Wl,--gc-sections", *libs]
    subprocess.run(command, check=True)
    return program


def lines_of(output: str, fields: Sequence[str]) -> list[dict[str, str]]:
    """Read a program's lines, each with these fields and tabs between them."""
    rows = [line.split("\t") for line in output.splitlines()]
    for row in rows:
        assert len(row) == len(fields), row
    return [dict(zip(fields, row, strict=True)) for row in rows]
