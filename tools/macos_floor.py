"""Whether the objects of an archive are compiled for the oldest macOS that a tag promises."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import lief
from floor_probe import FloorError


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
    with tempfile.TemporaryDirectory(prefix="macos-floor-") as scratch:
        command = [sys.executable, "-m", "ziglang", "ar", "x", f"--output={scratch}", str(archive)]
        subprocess.run(command, check=True)
        for member in sorted(Path(scratch).iterdir()):
            oldest = _oldest_macos(member)
            if oldest is None:
                raise FloorError(
                    f"{archive.name}: {member.name} does not say which macOS it is for"
                )
            if oldest > floor:
                said = ".".join(map(str, oldest))
                raise FloorError(
                    f"{archive.name}: {member.name} is for macOS {said}, "
                    f"newer than the {floor_version} that the wheel promises"
                )


def _oldest_macos(file: Path) -> tuple[int, ...] | None:
    binaries = lief.MachO.parse(file)
    if binaries is None or len(binaries) != 1:
        return None
    (binary,) = binaries
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
