"""What `temporal-libs-config --doctor` reports about this machine: C library and build tools."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from .._build.host import this_host
from .._build.tool import output_of, program_on_path, release_of
from .._build.ziglang import ziglang_program
from .._manifest import Manifest
from .._messages import message

# The program, the option that prints its version, and what needs it.
_TOOLS = (
    ("zig", "version", "build.zig"),
    ("cc", "--version", "C and cgo"),
    ("pkg-config", "--version", "Meson, cgo and make"),
    ("cmake", "--version", "CMake"),
)

_LONGEST = 100  # characters of a program's output about its version


def floor_finding(manifest: Manifest) -> tuple[bool, str]:
    """Compare the oldest system that the archives support with this one.

    Returns:
        Whether programs linked with them can run here, as far as known, and the finding's text.
    """
    host = this_host()
    floor = f"{manifest.floor_name} {manifest.floor_version}"
    target = host.target
    if target is None or target.platform != manifest.platform:
        return True, f"{floor}; this machine is another platform, {host}: programs are cross-built"
    if not host.version:
        return True, f"{floor}; the version of {manifest.floor_name} on this machine is unknown"
    here = f"{host.floor_name} {host.version}"
    if release_of(host.version) < release_of(manifest.floor_version):
        return False, message("older-system", floor=floor, here=here)
    return True, f"{floor}; this machine has {here}"


def tool_findings(environ: Mapping[str, str]) -> Iterator[str]:
    """Report which build tools are on PATH. All are optional: each build system needs its own."""
    for name, option, needed_by in _TOOLS:
        path = program_on_path(name, environ)
        if path is not None:
            yield f"{_version([path, option], environ, name)} ({path})"
        elif name == "zig" and (module := ziglang_program()) is not None:
            version = _version([sys.executable, module, option], environ, name)
            yield f"{version} ({sys.executable} -m ziglang)"
        else:
            yield f"{name} is not on PATH; {needed_by} would need it"


def _version(command: list[str], environ: Mapping[str, str], name: str) -> str:
    answer = output_of(command, environ)
    # Without control characters, which a terminal would execute. One line is enough.
    lines = ("".join(it for it in line if it.isprintable()) for line in answer.splitlines())
    first = next((line.strip() for line in lines if line.strip()), "of an unknown version")
    return first[:_LONGEST] if first.startswith(name) else f"{name} {first[:_LONGEST]}"
