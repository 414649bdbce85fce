"""The distributions in a release, which are an exact set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from temporal_static_libs._targets import TARGETS
from tools import ToolError
from tools.release.contents import ReleaseWheel, Source, check_release_wheel, check_sdist
from tools.release.names import PROJECT, REQUIRED


@dataclass(frozen=True)
class Distributions:
    """The files for the index: wheels in the table's order, and the source distribution."""

    wheels: tuple[ReleaseWheel, ...]
    sdist: Path

    @property
    def files(self) -> list[Path]:
        """The paths of all files."""
        return [*(wheel.file for wheel in self.wheels), self.sdist]

    @property
    def missing(self) -> list[str]:
        """The platforms in the table without a wheel in the release."""
        present = {wheel.target for wheel in self.wheels}
        return [target.platform for target in TARGETS if target not in present]


def check_distributions(directory: Path, source: Source) -> Distributions:
    """Check that a directory is the exact set: nothing missing, nothing else, each file valid.

    Required wheels must exist. Wheels of other platforms may be missing, because their build may
    fail without stopping the release, but if they exist, they are checked, too.
    """
    if not directory.is_dir():
        raise ToolError(f"{directory} does not exist: nothing was built")
    by_platform: dict[str, Path] = {}
    sdists = []
    for file in sorted(directory.iterdir()):
        if file.name.endswith(".tar.gz"):
            sdists.append(file)
            continue
        platform = _platform_of(file, source.version)
        if platform in by_platform:
            other = by_platform[platform].name
            raise ToolError(f"{file.name} and {other} are both for {platform}")
        by_platform[platform] = file
    if missing := [name for name in REQUIRED if name not in by_platform]:
        raise ToolError(
            f"{directory} has no wheel for {', '.join(missing)}, which every release needs: "
            "see why its job failed, and run it again"
        )
    if len(sdists) != 1:
        raise ToolError(f"{directory} has {len(sdists)} source distributions, not one")
    check_sdist(sdists[0], source)
    wheels = tuple(
        check_release_wheel(by_platform[target.platform], target, source)
        for target in TARGETS
        if target.platform in by_platform
    )
    _check_same_in_all(wheels)
    return Distributions(wheels, sdists[0])


def _platform_of(wheel: Path, version: str) -> str:
    try:
        name, found, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename:
        raise ToolError(f"{wheel} is neither a wheel nor a source distribution") from None
    if (name, str(found)) != (PROJECT, version):
        raise ToolError(f"{wheel.name} does not belong to {PROJECT} {version}")
    for target in TARGETS:
        if {tag.platform for tag in tags} == set(target.wheel_tags):
            return target.platform
    raise ToolError(
        f"{wheel.name} has tags that match no platform in the table: before publishing, run "
        "tools/wheel/repair.py"
    )


def _check_same_in_all(wheels: Sequence[ReleaseWheel]) -> None:
    """Check the facts that do not depend on the platform."""
    facts = [
        {
            "ABI id": wheel.manifest.abi,
            "header": wheel.manifest.header_sha256,
            "Rust sources": wheel.manifest.rust_sources_sha256,
            "SBOM": wheel.read_sbom(),
        }
        for wheel in wheels
    ]
    for wheel, found in zip(wheels, facts, strict=True):
        for what, value in found.items():
            if value != facts[0][what]:
                names = f"{wheel.file.name} and {wheels[0].file.name}"
                raise ToolError(f"{names}: not the same {what}")
