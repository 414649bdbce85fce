"""A tarball of a release and its checksum."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import format_checksums, sha256_of
from tools.release.names import COMPRESSION

# Hatchling's date for files in a wheel, 2020-02-02, in seconds since 1970.
_DATE: Final = 1580601600


def pack(files: Mapping[str, bytes], stem: str, directory: Path) -> Path:
    """Make a tarball, and next to it the file for `sha256sum -c`.

    The bytes depend only on the arguments.

    Args:
        files: the files' contents, by path below the tarball's top directory.
        stem: the name of that directory, and of both files without suffixes.
        directory: the directory for both files.

    Returns:
        The tarball's path.
    """
    tarball, checksum = directory / f"{stem}.tar.gz", directory / f"{stem}.sha256"
    with (
        open(tarball, "wb") as stream,
        # Not with tarfile, which would write the time and the name to the header.
        gzip.GzipFile("", "wb", COMPRESSION, stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, _DATE
            archive.addfile(entry, io.BytesIO(content))
    checksum.write_text(format_checksums({tarball.name: sha256_of(tarball)}), encoding="ascii")
    return tarball
