"""A directory of archives, checksums and manifest, put into place whole."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._checksums import format_checksums
from .._manifest import CHECKSUMS_NAME, MANIFEST_NAME, Manifest


@contextmanager
def replacing(directory: Path, scratch: Path, *, private: bool = False) -> Iterator[Path]:
    """Fill a new directory, which takes the old one's place when the block ends without an error.

    Args:
        directory: the one to replace; it need not exist.
        scratch: a directory of this function's own. What a killed build has left there goes.
        private: whether only the user may enter the directory.

    Yields:
        The new directory, empty.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    new = scratch / "new"
    new.mkdir(parents=True)
    # If this build is killed, what it leaves must not look like a part of the project.
    (scratch / ".gitignore").write_text("*\n", encoding="ascii")
    try:
        yield new
        if private:
            new.chmod(stat.S_IRWXU)
        if directory.exists():
            # Out of the way by a rename, so that what is there is at no time half of a set.
            shutil.move(directory, scratch / "old")
        shutil.move(new, directory)
    finally:
        shutil.rmtree(scratch)


def write_description(manifest: Manifest, directory: Path) -> None:
    """Write manifest and checksums beside the archives."""
    checksums = format_checksums({library.file: library.sha256 for library in manifest.libraries})
    (directory / CHECKSUMS_NAME).write_text(checksums, encoding="ascii")
    text = json.dumps(manifest.to_dict(), indent=2)
    (directory / MANIFEST_NAME).write_text(f"{text}\n", encoding="ascii")
