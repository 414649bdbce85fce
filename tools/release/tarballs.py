"""A platform's tarball: what its wheel carries, for those who do not install with pip."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from temporal_static_libs._checksums import format_checksums, sha256_of
from tools.release.distributions import LIB, PROTO, WHEEL_HEADER, ReleaseWheel
from tools.release.names import stem_of

# Hatchling's date of the files in a wheel, 2020-02-02, in seconds since 1970.
_DATE: Final = 1580601600


def make_tarball(wheel: ReleaseWheel, directory: Path) -> tuple[Path, Path]:
    """Make a wheel's tarball, with its checksum file beside it.

    Its one directory can be what TEMPORAL_LIBS_DIR names. The bytes depend on the wheel alone.

    Args:
        wheel: of which all holds.
        directory: for both files; it exists.

    Returns:
        The tarball, and the file that `sha256sum -c` reads in the same directory.
    """
    stem = stem_of(wheel.target.platform, wheel.manifest.version)
    tarball, checksum = directory / f"{stem}.tar.gz", directory / f"{stem}.sha256"
    with (
        zipfile.ZipFile(wheel.file) as packed,
        open(tarball, "wb") as stream,
        # Not by tarfile, which would write the time and the name into the head.
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, member in sorted(_members(wheel, packed)):
            content = packed.read(member)
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, _DATE
            archive.addfile(entry, io.BytesIO(content))
    checksum.write_text(format_checksums({tarball.name: sha256_of(tarball)}), encoding="ascii")
    return tarball, checksum


def _members(wheel: ReleaseWheel, packed: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Each file's name in the tarball and in the wheel.

    Without the files for build systems, which name the wheel's places and source:
    ``temporal-libs-config --cmakedir`` and ``--pkgconfigdir`` make those of a TEMPORAL_LIBS_DIR.
    """
    licenses = f"{wheel.dist_info}/licenses/"
    for member in packed.namelist():
        path = PurePosixPath(member)
        if member == WHEEL_HEADER:
            yield f"include/{path.name}", member
        elif member.startswith(PROTO) and not member.endswith("/"):
            yield f"proto/{member.removeprefix(PROTO)}", member
        elif str(path.parent) == LIB and not member.endswith("/"):
            yield path.name, member
        elif member.startswith(licenses) and not member.endswith("/"):
            yield f"licenses/{member.removeprefix(licenses)}", member
