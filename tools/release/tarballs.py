"""A platform's tarball: what its wheel carries, for those who do not install with pip."""

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
    """Make a wheel's tarball, and its checksum.

    Args:
        wheel: the wheel.
        directory: for both files.
        kind: a suffix of the name, for a tarball that is not just of the wheel.
        replaced: files that take the place of the archives and of what describes them, by name.

    Returns:
        The tarball's path.
    """
    stem = stem_of(f"{wheel.target.platform}{kind}", wheel.manifest.version)
    return pack(tarball_files(wheel, stem, replaced), stem, directory)
