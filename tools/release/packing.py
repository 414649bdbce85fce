"""A tarball of a release, and its checksum."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import format_checksums, sha256_of
from tools.release.names import COMPRESSION

# Hatchling's date of the files in a wheel, 2020-02-02, in seconds since 1970.
_DATE: Final = 1580601600


def pack(files: Mapping[str, bytes], stem: str, directory: Path) -> Path:
    """Make a tarball, and the file that `sha256sum -c` reads next to it.

    The bytes depend on the arguments alone.

    Args:
        files: content of each, by its path below the tarball's one directory.
        stem: name of that directory, and of both files without their endings.
        directory: for both files.

    Returns:
        The tarball's path.
    """
    tarball, checksum = directory / f"{stem}.tar.gz", directory / f"{stem}.sha256"
    with (
        open(tarball, "wb") as stream,
        # Not by tarfile, which would write the time and the name into the head.
        gzip.GzipFile("", "wb", COMPRESSION, stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, _DATE
            archive.addfile(entry, io.BytesIO(content))
    checksum.write_text(format_checksums({tarball.name: sha256_of(tarball)}), encoding="ascii")
    return tarball
