"""Directories put into place whole, and what describes the archives in one of them."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from .._checksums import format_checksums
from .._integration.files import render_files
from .._integration.template import Places
from .._manifest import CHECKSUMS_NAME, MANIFEST_NAME, Manifest
from .source_tree import INCLUDE, PROTOS


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


def write_build_system_files(manifest: Manifest, directory: Path) -> None:
    """Write what CMake and pkg-config read beside the archives of a package.

    Args:
        manifest: what the archives are.
        directory: where they are; it will be a directory of the package.
    """
    requirement = f"temporal-static-libs=={manifest.version}"
    places = Places(
        archives=PurePath("."),
        include=PurePath("..", INCLUDE),
        protos=PurePath("..", PROTOS),
        source="wheel",
        mend=f"python -m pip install --force-reinstall --no-cache-dir {requirement}",
    )
    for path, text in render_files(manifest, places).items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
