"""What `temporal-libs-config --doctor` reports about this machine: C library and build tools."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping

from .._build.host import this_host
from .._build.tool import output_of, program_on_path, release_of
from .._manifest import Manifest
from .._messages import message

# The program, the option that prints its version, and who needs it.
_TOOLS = (
    ("zig", "version", "build.zig"),
    ("cc", "--version", "C and cgo"),
    ("pkg-config", "--version", "Meson, cgo and make"),
    ("cmake", "--version", "CMake"),
)


def floor_finding(manifest: Manifest) -> tuple[bool, str]:
    """Compare the oldest system that the archives are for with this one.

    Returns:
        Whether programs made with them can run here, as far as one can tell; and what to say.
    """
    host = this_host()
    floor = f"{manifest.floor_name} {manifest.floor_version}"
    target = host.target
    if target is None or target.platform != manifest.platform:
        return True, f"{floor}; this machine is another platform, {host}: programs for it are cross"
    if not host.version:
        return True, f"{floor}; which {manifest.floor_name} this machine has, is not known"
    here = f"{host.floor_name} {host.version}"
    if release_of(host.version) < release_of(manifest.floor_version):
        return False, message("older-system", floor=floor, here=here)
    return True, f"{floor}; this machine has {here}"


def tool_findings(environ: Mapping[str, str]) -> Iterator[str]:
    """Report which build tools are on PATH. None has to be: each consumer needs its own."""
    for name, option, needed_by in _TOOLS:
        path = program_on_path(name, environ)
        if path is not None:
            yield f"{_version([path, option], environ, name)} ({path})"
        elif name == "zig" and importlib.util.find_spec("ziglang") is not None:
            command = [sys.executable, "-m", "ziglang"]
            yield f"{_version([*command, option], environ, name)} ({' '.join(command)})"
        else:
            yield f"{name} is not on PATH; {needed_by} would need it"


def _version(command: list[str], environ: Mapping[str, str], name: str) -> str:
    first, *_ = [*output_of(command, environ).strip().splitlines(), "of an unknown version"]
    return first if first.startswith(name) else f"{name} {first}"
