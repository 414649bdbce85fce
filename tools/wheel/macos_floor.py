"""Whether the objects of an archive are compiled for the oldest macOS that a tag promises."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lief

from tools.wheel.floor_probe import FloorError

# It warns of the many relocations of a large object, which nobody here asks for.
lief.logging.disable()


def prove_macos_floor(archive: Path, floor_version: str) -> None:
    """Read the load commands of every object in an archive.

    Args:
        archive: the archive.
        floor_version: the oldest macOS: ``11.0``.

    Raises:
        FloorError: an object is for a newer one, for another system, or does not say; the message
            names it.
    """
    floor = _numbers(floor_version.split("."))
    for name, binary in members(archive):
        oldest = _oldest_macos(binary)
        if oldest is None:
            raise FloorError(f"{archive.name}: {name} does not say its oldest macOS")
        if oldest > floor:
            said = ".".join(map(str, oldest))
            raise FloorError(
                f"{archive.name}: {name} is for macOS {said}, "
                f"newer than the {floor_version} that the wheel promises"
            )


def members(archive: Path) -> Iterator[tuple[str, lief.MachO.Binary]]:
    """The objects of an archive, by name.

    Raises:
        FloorError: a member is no Mach-O object of one processor.
    """
    with tempfile.TemporaryDirectory(prefix="members-") as scratch:
        command = [sys.executable, "-m", "ziglang", "ar", "x", f"--output={scratch}", str(archive)]
        subprocess.run(command, check=True)
        for file in sorted(Path(scratch).iterdir()):
            binaries = lief.MachO.parse(file)
            if binaries is None or len(binaries) != 1:
                raise FloorError(f"{archive.name}: {file.name} is no Mach-O object")
            binary = binaries.at(0)
            assert binary is not None
            yield file.name, binary


def _oldest_macos(binary: lief.MachO.Binary) -> tuple[int, ...] | None:
    build_version = binary.build_version
    if build_version is not None:
        if build_version.platform != lief.MachO.BuildVersion.PLATFORMS.MACOS:
            return None
        return _numbers(build_version.minos)
    version_min = binary.version_min
    if version_min is None or version_min.command != lief.MachO.LoadCommand.TYPE.VERSION_MIN_MACOSX:
        return None
    return _numbers(version_min.version)


def _numbers(version: list[str] | list[int]) -> tuple[int, ...]:
    return tuple(int(number) for number in [*version, 0, 0][:3])
