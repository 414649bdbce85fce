"""Proof that an archive works on the oldest system that its tag promises: the floor."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import lief

from tools import ToolError

# Suppresses a warning about the many relocations of a large object.
lief.logging.disable()

#: DLLs in every Windows 10 and Windows Server 2016, in lower case, that core's crates and Rust's
#: standard library import functions from. Adding another one needs a decision.
WINDOWS_DLLS: Final = frozenset(
    {
        *("advapi32.dll", "api-ms-win-core-synch-l1-2-0.dll", "bcrypt.dll"),
        *("bcryptprimitives.dll", "combase.dll", "crypt32.dll", "kernel32.dll", "ntdll.dll"),
        *("oleaut32.dll", "pdh.dll", "powrprof.dll", "shell32.dll", "userenv.dll", "ws2_32.dll"),
    }
)
# The C library, part of Windows since 10, with about one DLL for each of its headers.
_UCRT: Final = "api-ms-win-crt-"


class FloorError(ToolError):
    """An archive needs more than the floor has. Build records contain the name of this class."""


def prove_floor(archive: Path, zig_target: str, system_libraries: Sequence[str]) -> None:
    """Link a program with a whole archive against the libc of a floor.

    References in a static archive have no symbol versions, so only a linker can determine whether
    the floor has a symbol.

    Args:
        archive: the archive.
        zig_target: Zig's name for the target with the floor: ``x86_64-linux-gnu.2.17``.
        system_libraries: link names of the libraries that the archive needs.
    """
    with tempfile.TemporaryDirectory(prefix="floor-probe-") as scratch:
        _link_whole(archive, zig_target, system_libraries, Path(scratch, "probe"))


def prove_windows_floor(
    archive: Path, zig_target: str, system_libraries: Sequence[str]
) -> frozenset[str]:
    """Link a program with a whole archive, and read which DLLs it loads.

    Args:
        archive: the archive.
        zig_target: Zig's name for the target: ``x86_64-windows-gnu``.
        system_libraries: link names of the libraries that the archive needs.

    Returns:
        The names of the DLLs, in lower case; each is in `WINDOWS_DLLS`.
    """
    with tempfile.TemporaryDirectory(prefix="floor-probe-") as scratch:
        probe = Path(scratch, "probe.exe")
        _link_whole(archive, zig_target, system_libraries, probe)
        program = lief.PE.parse(probe)
    if program is None:
        raise FloorError(f"{archive.name}: Zig's linked program is not for Windows")
    found = frozenset(str(entry.name).lower() for entry in program.imports)
    if others := dlls_beyond_windows(found):
        raise FloorError(
            f"{archive.name} needs DLLs that Windows 10 may not have: {', '.join(others)}"
        )
    return found


def dlls_beyond_windows(names: Iterable[str]) -> list[str]:
    """Return the DLLs, in lower case, that Windows may not have."""
    return sorted(it for it in set(names) - WINDOWS_DLLS if not it.startswith(_UCRT))


def _link_whole(
    archive: Path, zig_target: str, system_libraries: Sequence[str], program: Path
) -> None:
    source = program.with_name("probe.c")
    source.write_text("int main(void) { return 0; }\n", encoding="ascii")
    command = [
        *(sys.executable, "-m", "ziglang", "cc", "-target", zig_target),
        *(str(source), "-o", str(program)),
        *("-Wl,--whole-archive", str(archive), "-Wl,--no-whole-archive"),
        *(f"-l{name}" for name in system_libraries),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if missing := sorted(set(re.findall(r"undefined symbol: (\S+)", done.stderr))):
        raise FloorError(
            f"{archive.name} needs what {zig_target} does not have: {', '.join(missing)}"
        )
    raise FloorError(
        f"{archive.name} could not be linked for {zig_target}\n"
        f"  command: {' '.join(command)}\n"
        f"  output:  {done.stderr.strip()}"
    )


def prove_macos_floor(archive: Path, floor_version: str) -> None:
    """Read the load commands of every object in an archive.

    Args:
        archive: the archive.
        floor_version: the oldest macOS, such as ``11.0``. No object may be for a newer one.
    """
    floor = _numbers(floor_version.split("."))
    for name, binary in members(archive):
        oldest = _oldest_macos(binary)
        if oldest is None:
            raise FloorError(f"{archive.name}: {name} does not state its oldest macOS")
        if oldest > floor:
            raise FloorError(
                f"{archive.name}: {name} is for macOS {'.'.join(map(str, oldest))}, "
                f"newer than the {floor_version} that the wheel promises"
            )


def members(archive: Path) -> Iterator[tuple[str, lief.MachO.Binary]]:
    """Read the objects of an archive, by name; each must be a Mach-O object of one processor."""
    with tempfile.TemporaryDirectory(prefix="members-") as scratch:
        command = [sys.executable, "-m", "ziglang", "ar", "x", f"--output={scratch}", str(archive)]
        subprocess.run(command, check=True)
        for file in sorted(Path(scratch).iterdir()):
            binaries = lief.MachO.parse(file)
            if binaries is None or len(binaries) != 1:
                raise FloorError(f"{archive.name}: {file.name} is not a Mach-O object")
            binary = binaries.at(0)
            assert binary is not None
            yield file.name, binary


def _oldest_macos(binary: lief.MachO.Binary) -> tuple[int, ...] | None:
    if (build := binary.build_version) is not None:
        macos = build.platform == lief.MachO.BuildVersion.PLATFORMS.MACOS
        return _numbers(build.minos) if macos else None
    minimum = binary.version_min
    if minimum is None or minimum.command != lief.MachO.LoadCommand.TYPE.VERSION_MIN_MACOSX:
        return None
    return _numbers(minimum.version)


def _numbers(version: list[str] | list[int]) -> tuple[int, ...]:
    return tuple(int(number) for number in [*version, 0, 0][:3])
