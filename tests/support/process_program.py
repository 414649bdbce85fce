"""Programs of ``tests/process/``, in C and C++, linked as a host links them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from capi import config

SOURCES = Path(__file__).resolve().parent.parent / "process"


def build(source: str, scratch: Path, options: Sequence[str] = ()) -> Path:
    """Compile a program, and link it with the installed archive.

    Args:
        source: the file's name in ``tests/process/``.
        scratch: for the program.
        options: more of the compiler's, such as a sanitizer's.
    """
    program = scratch / Path(source).stem
    compiler = ["c++", "-std=c++17"] if source.endswith(".cpp") else ["cc", "-std=c11"]
    warnings = ["-Wall", "-Wextra", "-Werror"]
    include = f"-I{config('--includedir')}"
    libraries = ["-Wl,--gc-sections", *config("--component", "sdk-core", "--libs").split()]
    command = [*compiler, "-g", "-O1", *warnings, *options, include, str(SOURCES / source)]
    subprocess.run([*command, "-o", str(program), *libraries, "-pthread"], check=True)
    return program
