"""What to tell a compiler or a linker: one renderer a format."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from ._components import component_named
from ._library_set import LoadedSet
from ._manifest import ManifestLibrary
from ._targets import target_of_triple


def compiler_flags(include_dir: Path) -> tuple[str, ...]:
    """What finds the header."""
    return (f"-I{include_dir}",)


def linker_flags(loaded: LoadedSet) -> tuple[str, ...]:
    """What finds the archives, and has the linker drop the parts of them that nothing uses."""
    return (f"-L{loaded.directory}", target_of_triple(loaded.manifest.target).gc_flag)


def library_flags(loaded: LoadedSet, library: ManifestLibrary) -> tuple[str, ...]:
    """All that a link needs: where the archive is, the archive, what it needs from the system."""
    return (f"-L{loaded.directory}", *link_name_flags(library))


def link_name_flags(library: ManifestLibrary) -> tuple[str, ...]:
    """The same for a linker that has been told where the archive is."""
    return (
        f"-l{component_named(library.component).library}",
        *system_library_flags(library),
        *framework_flags(library),
    )


def system_library_flags(library: ManifestLibrary) -> tuple[str, ...]:
    """The system libraries that an archive needs, in rustc's order."""
    return tuple(f"-l{name}" for name in library.system_libraries)


def framework_flags(library: ManifestLibrary) -> tuple[str, ...]:
    """The Apple frameworks that an archive needs, in rustc's order."""
    return tuple(flag for name in library.frameworks for flag in ("-framework", name))


def shell_join(flags: Iterable[str]) -> str:
    """Flags as one line that a shell splits into the same flags again."""
    return " ".join(shlex.quote(flag) for flag in flags)
