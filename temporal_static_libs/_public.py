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
        name: the link name for ``-l``: ``temporal_sdk_core``.
        path: the path, absolute.
        checksum: the verified SHA-256, 64 lower-case hexadecimal digits.
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
        version: the package version of the archives.
        libraries: the archives, the default component first.
    """

    platform: str
    architecture: str
    version: str
    libraries: tuple[StaticLibrary, ...]


def describe(loaded: LoadedSet) -> LibrarySet:
    """Return the public view of verified archives.

    Raises:
        UnsupportedPlatformError: the target in their manifest is not in the table.
    """
    target = target_of_triple(loaded.manifest.target)
    libraries = tuple(
        StaticLibrary(library.link_name, loaded.archive(library), library.sha256)
        for library in loaded.manifest.libraries
    )
    return LibrarySet(target.os, target.architecture, loaded.manifest.version, libraries)
