"""The public view of the active archives."""

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
        path: absolute.
        checksum: its SHA-256, 64 lower-case hexadecimal digits, which it has been found to have.
    """

    name: str
    path: Path
    checksum: str


@dataclass(frozen=True)
class LibrarySet:
    """The active archives.

    Attributes:
        platform: ``linux``, ``macos`` or ``windows``.
        architecture: ``x64`` or ``arm64``.
        version: the package version they are of.
        libraries: the archives, the default component's first.
    """

    platform: str
    architecture: str
    version: str
    libraries: tuple[StaticLibrary, ...]


def describe(loaded: LoadedSet) -> LibrarySet:
    """Return the public view of archives that have been verified.

    Raises:
        UnsupportedPlatformError: their manifest names a target that the table does not have.
    """
    target = target_of_triple(loaded.manifest.target)
    libraries = tuple(
        StaticLibrary(library.link_name, loaded.archive(library), library.sha256)
        for library in loaded.manifest.libraries
    )
    return LibrarySet(target.os, target.architecture, loaded.manifest.version, libraries)
