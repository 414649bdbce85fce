"""The protobuf files of the core that is compiled, taken from the crate that has them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from .advice import unexpected

_CRATE = "temporalio-protos"

# Directories of the crate that imports are relative to. Imports of any other file are relative to
# the directory that has these.
_ROOTS = frozenset({"api_cloud_upstream", "api_upstream", "local", "testsrv_upstream"})


def find_protos(metadata: Mapping[str, Any]) -> dict[PurePath, Path]:
    """Find the protobuf files, for one include directory in place of the crate's several.

    Args:
        metadata: what ``cargo metadata`` says of the workspace.

    Returns:
        The path by which other files import a file, to the file.

    Raises:
        CompileError: there are none, or two that differ have the same path.
    """
    directory = crate_directory(metadata) / "protos"
    found: dict[PurePath, Path] = {}
    for file in sorted(directory.rglob("*.proto")):
        path = _import_path(file.relative_to(directory))
        other = found.setdefault(path, file)
        if file.read_bytes() != other.read_bytes():
            raise unexpected(f"{_CRATE} has two different files {path}: {other} and {file}")
    if not found:
        raise unexpected(f"{_CRATE} has no protobuf files in {directory}")
    return found


def crate_directory(metadata: Mapping[str, Any]) -> Path:
    """The directory of the crate's sources.

    Args:
        metadata: what ``cargo metadata`` says of the workspace.

    Raises:
        CompileError: the workspace does not use the crate, or uses several versions of it.
    """
    manifests = [
        package["manifest_path"] for package in metadata["packages"] if package["name"] == _CRATE
    ]
    if len(manifests) != 1:
        raise unexpected(f"cargo names {len(manifests)} packages {_CRATE}, not 1")
    return Path(manifests[0]).parent


def copy_protos(protos: Mapping[PurePath, Path], licenses: Path, directory: Path) -> None:
    """Copy protobuf files and their licenses into an empty directory.

    Args:
        protos: from `find_protos`.
        licenses: the file with the licenses.
        directory: where to put them.
    """
    for path, file in protos.items():
        copy = directory / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Not its times and permissions: cargo may have made the file read-only.
        shutil.copyfile(file, copy)
    shutil.copyfile(licenses, directory / "LICENSES.txt")


def _import_path(path: PurePath) -> PurePath:
    return PurePath(*path.parts[1:]) if path.parts[0] in _ROOTS else path
