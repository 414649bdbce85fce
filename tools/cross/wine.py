"""A wine prefix in a directory, to run programs for Windows on Linux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import ToolError

# Debian's package wine64 installs the loader here, not on PATH.
_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/lib/wine"])

# Rust's standard library gets random numbers from this DLL, which wine 8 lacks. SystemFunction036
# is the exported name of RtlGenRandom.
_PROCESS_PRNG = """\
__declspec(dllimport) unsigned char SystemFunction036(void *buffer, unsigned long size);
__declspec(dllexport) int ProcessPrng(void *buffer, unsigned long long size)
{
    return SystemFunction036(buffer, (unsigned long)size);
}
"""


@dataclass(frozen=True)
class Wine:
    """A wine prefix.

    Attributes:
        prefix: the command before a program.
        end: the command that ends processes that outlive the programs.
    """

    prefix: tuple[str, ...]
    end: tuple[str, ...]


def make_wine(directory: Path) -> Wine:
    """Make a wine prefix in a new directory.

    Raises:
        ToolError: wine is missing or does not start.
    """
    loader, server = (shutil.which(name, path=_PLACES) for name in ("wine64", "wineserver64"))
    if loader is None or server is None:
        raise ToolError("wine64 was not found: apt-get install wine64")
    directory.mkdir()
    environ = (
        "env",
        f"WINEPREFIX={directory}",
        "WINEDEBUG=fixme-all",
        "WINEDLLOVERRIDES=mscoree,mshtml=",
    )
    wine = Wine((*environ, loader), (*environ, server, "-k"))
    _run([*wine.prefix, "wineboot", "--init"])
    system = directory / "drive_c" / "windows" / "system32"
    source = directory / "process_prng.c"
    source.write_text(_PROCESS_PRNG, encoding="ascii")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-shared"]
    _run([*zig, str(source), "-ladvapi32", "-o", str(system / "bcryptprimitives.dll")])
    return wine


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
