"""C programs on the installed archive."""

from __future__ import annotations

import subprocess
from pathlib import Path

from capi import config

_WARNINGS = ("-Wall", "-Wextra", "-Werror")


def build_c_program(source: Path, program: Path) -> Path:
    """Compile a file of C11, link it with what ``temporal-libs-config`` prints, and give it."""
    flags = config("--component", "sdk-core", "--cflags", "--libs").split()
    files: list[str | Path] = [source, "-o", program]
    subprocess.run(
        ["cc", "-g", "-std=c11", *_WARNINGS, *files, "-Wl,--gc-sections", *flags], check=True
    )
    return program
