"""A platform's tarball: what its wheel carries, for those who do not install with pip."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import format_checksums, sha256_of
from tools.release.contents import ReleaseWheel
from tools.release.names import COMPRESSION, stem_of
from tools.release.tarball_files import tarball_files

# Hatchling's date of the files in a wheel, 2020-02-02, in seconds since 1970.
_DATE: Final = 1580601600


def make_tarball(
    wheel: ReleaseWheel,
    directory: Path,
    kind: str = "",
    replaced: Mapping[str, bytes] | None = None,
) -> Path:
    """Make a wheel's tarball, and the file that `sha256sum -c` reads next to it.

    The bytes depend on the arguments alone.

    Args:
        wheel: the wheel.
        directory: for both files.
        kind: a suffix of the name, for a tarball that is not just of the wheel.
        replaced: files that take the place of the archives and of what describes them, by name.

    Returns:
        The tarball's path.
    """
    stem = stem_of(f"{wheel.target.platform}{kind}", wheel.manifest.version)
    tarball, checksum = directory / f"{stem}.tar.gz", directory / f"{stem}.sha256"
    with (
        open(tarball, "wb") as stream,
        # Not by tarfile, which would write the time and the name into the head.
        gzip.GzipFile("", "wb", COMPRESSION, stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, content in sorted(tarball_files(wheel, stem, replaced).items()):
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, _DATE
            archive.addfile(entry, io.BytesIO(content))
    checksum.write_text(format_checksums({tarball.name: sha256_of(tarball)}), encoding="ascii")
    return tarball
