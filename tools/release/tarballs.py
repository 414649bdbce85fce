"""A platform's tarball: what its wheel carries, for those who do not install with pip."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import format_checksums, sha256_of
from tools.release.contents import ReleaseWheel
from tools.release.names import stem_of
from tools.release.versions import HEADER
from tools.wheel.check import PACKAGE, lib_of

# Hatchling's date of the files in a wheel, 2020-02-02, in seconds since 1970.
_DATE: Final = 1580601600


def make_tarball(
    wheel: ReleaseWheel,
    directory: Path,
    kind: str = "",
    replaced: Mapping[str, bytes] | None = None,
) -> None:
    """Make a wheel's tarball, and the file that `sha256sum -c` reads next to it.

    Its one directory can be what TEMPORAL_LIBS_DIR names. The bytes depend on the arguments alone.

    Args:
        wheel: the wheel.
        directory: for both files.
        kind: a suffix of the name, for a tarball that is not just of the wheel.
        replaced: files that take the place of the archives and of what describes them, by name.
    """
    stem = stem_of(f"{wheel.target.platform}{kind}", wheel.manifest.version)
    tarball, checksum = directory / f"{stem}.tar.gz", directory / f"{stem}.sha256"
    with (
        zipfile.ZipFile(wheel.file) as packed,
        open(tarball, "wb") as stream,
        # Not by tarfile, which would write the time and the name into the head.
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, member in sorted(_members(wheel, packed)):
            in_place = (replaced or {}).get(name)
            content = packed.read(member) if in_place is None else in_place
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, _DATE
            archive.addfile(entry, io.BytesIO(content))
    checksum.write_text(format_checksums({tarball.name: sha256_of(tarball)}), encoding="ascii")


def _members(wheel: ReleaseWheel, packed: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Each file's name in the tarball and in the wheel.

    Without the files for build systems, which name the wheel's places and source:
    ``temporal-libs-config --cmakedir`` and ``--pkgconfigdir`` make those of a TEMPORAL_LIBS_DIR.
    """
    places = {
        f"{PACKAGE}/share/proto/": "proto/",
        f"{wheel.dist_info}/licenses/": "licenses/",
    }
    for member in packed.namelist():
        if member.endswith("/"):
            continue
        directory, _, name = member.rpartition("/")
        if directory == HEADER.parent.as_posix():
            yield f"include/{name}", member
        elif directory == lib_of(wheel.target):
            yield name, member
        for prefix, place in places.items():
            if member.startswith(prefix):
                yield place + member.removeprefix(prefix), member
