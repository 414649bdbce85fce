"""The public view of the archives in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ._library_set import LoadedSet
from ._targets import target_of_triple


@dataclass(frozen=True)
class StaticLibrary:
    """One archive.

    Attributes:
        name: the link name, the one ``-l`` takes: ``temporal_sdk_core``.
        path: the archive, absolute.
        checksum: its SHA-256, 64 lower-case hexadecimal digits, which it has been found to have.
    """

    name: str
    path: Path
    checksum: str


@dataclass(frozen=True)
class LibrarySet:
    """The archives in force.

    Attributes:
        platform: ``linux`` or ``macos``.
        architecture: ``x64`` or ``arm64``.
        version: the package version they are of.
        libraries: the archives, the default component's first.
    """

    platform: str
    architecture: str
    version: str
    libraries: tuple[StaticLibrary, ...]


def describe(loaded: LoadedSet) -> LibrarySet:
    """The public view.

    Args:
        loaded: archives that have been verified.

    Raises:
        UnsupportedPlatformError: their manifest names a target that the table does not have.
    """
    manifest = loaded.manifest
    target = target_of_triple(manifest.target)
    return LibrarySet(
        platform=target.os,
        architecture=target.architecture,
        version=manifest.version,
        libraries=tuple(
            StaticLibrary(
                name=library.link_name,
                path=loaded.archive(library),
                checksum=library.sha256,
            )
            for library in manifest.libraries
        ),
    )
