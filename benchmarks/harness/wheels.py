"""A wheel for each platform."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from benchmarks.harness.errors import BenchmarkError
from temporal_static_libs._targets import TARGETS

_CROSS: Final = Path("dist/cross")


@dataclass(frozen=True)
class Wheels:
    """The wheels of one version.

    Attributes:
        built: platform to its wheel, if it has been built here.
        stand_ins: each other platform to a copy of another platform's wheel under its name.
    """

    built: Mapping[str, Path]
    stand_ins: Mapping[str, Path]

    @property
    def all(self) -> Mapping[str, Path]:
        """Platform to wheel, for all platforms."""
        return {**self.built, **self.stand_ins}

    def described(self) -> str:
        """A sentence about which wheels are real."""
        real = f"The wheels of {', '.join(self.built)} are real"
        if not self.stand_ins:
            return f"{real}."
        return f"{real}; the others are copies of one of these files under their names."


def gather_wheels(wheel: Path, directory: Path, cross: Path = _CROSS) -> Wheels:
    """Find the wheels of all platforms, and make stand-ins for missing ones.

    Args:
        wheel: the one under test.
        directory: an empty directory for the stand-ins.
        cross: where `make cross` writes wheels, in a directory per platform.

    Raises:
        BenchmarkError: the wheel's tags are of no platform.
    """
    candidates = [wheel, *sorted(cross.glob("*/*.whl"))]
    version = parse_wheel_filename(wheel.name)[1]
    built: dict[str, Path] = {}
    stand_ins: dict[str, Path] = {}
    for target in TARGETS:
        for candidate in candidates:
            _, its_version, _, tags = parse_wheel_filename(candidate.name)
            if its_version == version and {t.platform for t in tags} == set(target.wheel_tags):
                built.setdefault(target.platform, candidate)
    if wheel not in built.values():
        raise BenchmarkError(
            f"the tags of {wheel} are of no known platform: name a wheel of make wheel"
        )
    for target in TARGETS:
        if target.platform not in built:
            distribution = wheel.name.split("-")[0]
            name = f"{distribution}-{version}-py3-none-{'.'.join(target.wheel_tags)}.whl"
            stand_in = directory / name
            shutil.copyfile(wheel, stand_in)
            stand_ins[target.platform] = stand_in
    return Wheels(built, stand_ins)
