"""A platform's tarball: the content of its wheel, for users who do not install with pip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools.release.contents import ReleaseWheel
from tools.release.names import stem_of
from tools.release.packing import pack
from tools.release.tarball_files import tarball_files


def make_tarball(
    wheel: ReleaseWheel,
    directory: Path,
    kind: str = "",
    replaced: Mapping[str, bytes] | None = None,
) -> Path:
    """Make a wheel's tarball and its checksum.

    Args:
        wheel: the wheel.
        directory: the directory for both files.
        kind: a suffix of the name, for a tarball with replaced files.
        replaced: files that replace the archives and their description, by name.

    Returns:
        The tarball's path.
    """
    stem = stem_of(f"{wheel.target.platform}{kind}", wheel.manifest.version)
    return pack(tarball_files(wheel, stem, replaced), stem, directory)
