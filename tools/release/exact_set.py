"""The exact set of distributions that a release consists of."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from temporal_static_libs._targets import TARGETS, Target
from tools.release import ReleaseError
from tools.release.distributions import Origin, ReleaseWheel, check_release_wheel, check_sdist
from tools.release.names import PROJECT, REQUIRED


@dataclass(frozen=True)
class Distributions:
    """What is published to the index.

    Attributes:
        wheels: one for each platform of the release, in the table's order.
        sdist: the source distribution.
    """

    wheels: tuple[ReleaseWheel, ...]
    sdist: Path

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [*(wheel.file for wheel in self.wheels), self.sdist]

    @property
    def missing(self) -> list[str]:
        """The platforms of the table that the release has no wheel for."""
        present = {wheel.target for wheel in self.wheels}
        return [target.platform for target in TARGETS if target not in present]


def check_distributions(directory: Path, origin: Origin) -> Distributions:
    """Hold a directory to the exact set: nothing missing, nothing else, each as it has to be.

    A wheel that is required must be there. One of another platform may be absent, because its
    build may fail without stopping the release; where it is there, as much must hold of it.

    Args:
        directory: that has the files.
        origin: what all must be made from.

    Raises:
        ReleaseError: something does not hold.
    """
    if not directory.is_dir():
        raise ReleaseError(f"{directory} is not there: nothing was built")
    files = sorted(directory.iterdir())
    by_platform: dict[str, Path] = {}
    sdists = []
    for file in files:
        if file.name.endswith(".tar.gz"):
            sdists.append(file)
            continue
        platform = _target_of(file, origin).platform
        if platform in by_platform:
            other = by_platform[platform].name
            raise ReleaseError(f"{file.name} and {other} are both for {platform}")
        by_platform[platform] = file
    if missing := [name for name in REQUIRED if name not in by_platform]:
        raise ReleaseError(
            f"{directory} has no wheel for {', '.join(missing)}, without which there is no "
            "release: see why its job failed, and run it again"
        )
    if len(sdists) != 1:
        raise ReleaseError(f"{directory} has {len(sdists)} source distributions, not one")
    check_sdist(sdists[0], origin)
    wheels = tuple(
        check_release_wheel(by_platform[target.platform], target, origin)
        for target in TARGETS
        if target.platform in by_platform
    )
    _same_in_all(wheels)
    return Distributions(wheels, sdists[0])


def read_sbom(wheel: ReleaseWheel) -> bytes:
    """The SBOM that a wheel carries.

    Raises:
        ReleaseError: it has not exactly one.
    """
    with zipfile.ZipFile(wheel.file) as archive:
        members = [
            name for name in archive.namelist() if name.startswith(f"{wheel.dist_info}/sboms/")
        ]
        if len(members) != 1:
            raise ReleaseError(f"{wheel.file.name} has {len(members)} SBOMs, not one")
        return archive.read(members[0])


def _target_of(file: Path, origin: Origin) -> Target:
    try:
        name, version, _, tags = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        raise ReleaseError(f"{file} is neither a wheel nor a source distribution") from None
    if (name, str(version)) != (PROJECT, origin.version):
        raise ReleaseError(f"{file.name} is not of {PROJECT} {origin.version}")
    platforms = {tag.platform for tag in tags}
    for target in TARGETS:
        if platforms == set(target.wheel_tags):
            return target
    raise ReleaseError(
        f"{file.name} is tagged for no platform of the table: a wheel that ships has been through "
        "tools/wheel/repair.py"
    )


def _same_in_all(wheels: Sequence[ReleaseWheel]) -> None:
    """Facts that do not depend on the platform."""
    first = wheels[0]
    for wheel in wheels[1:]:
        for what, found, wanted in (
            ("ABI id", wheel.manifest.abi, first.manifest.abi),
            ("header", wheel.manifest.header_sha256, first.manifest.header_sha256),
            (
                "Rust sources",
                wheel.manifest.rust_sources_sha256,
                first.manifest.rust_sources_sha256,
            ),
            ("SBOM", read_sbom(wheel), read_sbom(first)),
        ):
            if found != wanted:
                raise ReleaseError(f"{wheel.file.name} and {first.file.name}: not the same {what}")
