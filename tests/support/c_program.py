"""C programs that link the installed archive."""

from __future__ import annotations

import subprocess
from pathlib import Path

from capi import config

_WARNINGS = ("-Wall", "-Wextra", "-Werror")


def build_c_program(source: Path, program: Path) -> Path:
    """Compile a C11 file and link it with the flags that ``temporal-libs-config`` prints."""
    flags = config("--component", "sdk-core", "--cflags", "--libs").split()
    files: list[str | Path] = [source, "-o", program]
    subprocess.run(
        ["cc", "-g", "-std=c11", *_WARNINGS, *files, "-Wl,--gc-sections", *flags], check=True
    )
    return program
