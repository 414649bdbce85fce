"""Replace directories completely, and fill them with the files that belong to archives."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from .._checksums import format_checksums
from .._components import COMPONENTS
from .._errors import SettingError
from .._integration.files import render_carried_files
from .._manifest import CHECKSUMS_NAME, MANIFEST_NAME, Manifest
from .._messages import message
from .._origin import reinstall_anywhere
from .._whole_files import rename
from .advice import unexpected

# Directories of the crate temporalio-protos that imports are relative to. Imports of other files
# are relative to the parent of these directories.
_PROTO_ROOTS = frozenset({"api_cloud_upstream", "api_upstream", "local", "testsrv_upstream"})


@contextmanager
def replacing(directory: Path, scratch: Path, *, private: bool = False) -> Iterator[Path]:
    """Fill a new directory, which replaces the old one if the block ends without an error.

    Args:
        directory: the directory to replace, which may not exist.
        scratch: a directory used only by this function; leftovers of killed builds are removed.
        private: whether only the user may enter the directory.

    Yields:
        The new directory, empty.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    new = scratch / "new"
    new.mkdir(parents=True)
    # If this build is killed, git must not see its leftovers.
    (scratch / ".gitignore").write_text("*\n", encoding="ascii")
    try:
        yield new
        if private:
            new.chmod(stat.S_IRWXU)
            for file in new.rglob("*"):
                # Regardless of the umask, because files that others can write to are refused.
                file.chmod(file.stat().st_mode & ~(stat.S_IWGRP | stat.S_IWOTH))
        if directory.exists():
            # Move it away with a rename, so that the set is never incomplete.
            _move(directory, scratch / "old")
        try:
            _move(new, directory)
        except OSError:
            if sys.platform == "win32" and (scratch / "old").exists():
                _move(scratch / "old", directory)
            raise
    finally:
        # On Windows, files that another process has open cannot be removed; the next build does it.
        shutil.rmtree(scratch, ignore_errors=sys.platform == "win32")


def _move(old: Path, new: Path) -> None:
    if sys.platform == "win32":
        # A copy would stop halfway at a file that another process has open.
        rename(old, new)
    else:
        shutil.move(old, new)


def scratch_of(directory: Path) -> Path:
    """Return the scratch directory for a directory to replace, next to it."""
    return directory.with_name(f".{directory.name}-scratch")


def check_line_tables(directory: Path) -> None:
    """Check, before any work, that a directory can be replaced and contains only a set.

    Raises:
        SettingError: it cannot be replaced, or contains other files.
    """
    own = {CHECKSUMS_NAME, MANIFEST_NAME, *(f"lib{one.library}.a" for one in COMPONENTS)}
    try:
        scratch = scratch_of(directory)
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        scratch.rmdir()
        is_there = directory.exists() or directory.is_symlink()
        entries = list(os.scandir(directory)) if is_there else []
    except OSError as error:
        values = {"directory": directory, "reason": error.strerror}
        raise SettingError(message("line-tables-unusable", **values)) from None
    is_own = {entry.name: entry.name in own and entry.is_file() for entry in entries}
    if others := sorted(name for name in is_own if not is_own[name]):
        values = {"directory": directory, "names": ", ".join(others[:5])}
        raise SettingError(message("line-tables-not-a-set", **values))


def write_description(manifest: Manifest, directory: Path) -> None:
    """Write manifest and checksums next to the archives."""
    checksums = format_checksums({library.file: library.sha256 for library in manifest.libraries})
    (directory / CHECKSUMS_NAME).write_text(checksums, encoding="ascii", newline="\n")
    text = json.dumps(manifest.to_dict(), indent=2)
    (directory / MANIFEST_NAME).write_text(f"{text}\n", encoding="ascii", newline="\n")


def write_build_system_files(manifest: Manifest, directory: Path) -> None:
    """Write the files for CMake and pkg-config, next to the archives of a package.

    Args:
        manifest: describes the archives.
        directory: the future ``lib`` of the package; the archives are in it or below.
    """
    for path, text in render_carried_files(manifest, reinstall_anywhere(manifest.version)).items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


def crate_directory(metadata: Mapping[str, Any]) -> Path:
    """Find the directory of the crate temporalio-protos.

    Args:
        metadata: the output of ``cargo metadata``.

    Raises:
        CompileError: the workspace does not use the crate, or uses several versions of it.
    """
    packages = [it for it in metadata["packages"] if it["name"] == "temporalio-protos"]
    if len(packages) != 1:
        raise unexpected(message("protos-crate-ambiguous", count=len(packages)))
    return Path(packages[0]["manifest_path"]).parent


def find_protos(metadata: Mapping[str, Any]) -> dict[PurePath, Path]:
    """Find the protobuf files, for one include directory instead of the crate's several.

    Args:
        metadata: the output of ``cargo metadata``.

    Returns:
        Import path to file.

    Raises:
        CompileError: there are none, or two different files have the same path.
    """
    directory = crate_directory(metadata) / "protos"
    found: dict[PurePath, Path] = {}
    for file in sorted(directory.rglob("*.proto")):
        first, *rest = file.relative_to(directory).parts
        path = PurePath(*rest) if first in _PROTO_ROOTS else PurePath(first, *rest)
        other = found.setdefault(path, file)
        if file.read_bytes() != other.read_bytes():
            raise unexpected(message("protos-differ", path=path, first=other, second=file))
    if not found:
        raise unexpected(message("protos-missing", directory=directory))
    return found


def copy_protos(protos: Mapping[PurePath, Path], licenses: Path, directory: Path) -> None:
    """Copy the protobuf files from `find_protos` and their licenses into an empty directory."""
    for path, file in protos.items():
        copy = directory / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Without its times and permissions: cargo may have made the file read-only.
        shutil.copyfile(file, copy)
    shutil.copyfile(licenses, directory / "LICENSES.txt")
