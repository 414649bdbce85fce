"""Flags for compilers and linkers.

On Windows, paths have forward slashes, which every compiler and build system there accepts. The
shells of Git and MSYS2, make and CMake would treat a backslash as an escape character.

Imports little, because the fastest answers of `temporal-libs-config` need this module.
"""

from __future__ import annotations

import os
import sys

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._facts import Facts
    from ._manifest import ManifestLibrary

    Directory = str | os.PathLike[str]
    Library = ManifestLibrary | Facts

# GCC's unwinder has another name as a static library.
_STATIC_NAMES = {"gcc_s": "gcc_eh"}

# Characters that `shlex.quote` does not quote; that module takes long to load.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_")


def portable(path: Directory) -> str:
    """Return a path in the form that all programs on this system accept."""
    text = os.fspath(path)
    return text.replace("\\", "/") if sys.platform == "win32" else text


# If `msvc` is true, these functions return flags for Microsoft's compiler.


def compiler_flags(include_dir: Directory, *, msvc: bool = False) -> tuple[str, ...]:
    """Return the flags that find the header."""
    return (f"{'/I' if msvc else '-I'}{portable(include_dir)}",)


def linker_flags(gc_flag: str, *, msvc: bool = False) -> tuple[str, ...]:
    """Return the flags for dead-code elimination.

    Microsoft's compiler passes everything after ``/link`` to the linker, also libraries.
    """
    return ("/link", gc_flag) if msvc else (gc_flag,)


def library_flags(
    directory: Directory, library: Library, *, static: bool = False, msvc: bool = False
) -> tuple[str, ...]:
    """Return everything to link: the archive's path, system libraries and frameworks.

    There is no ``-L``: with it, the linker would look for system libraries in the directory of the
    archives first.

    Args:
        directory: the directory of the archive.
        library: the archive.
        static: whether the program is linked with ``-static`` or ``-static-pie``.
        msvc: see above.
    """
    system = _system_flags(library, static=static, msvc=msvc)
    return (archive_path(directory, library), *system)


def archive_path(directory: Directory, library: Library) -> str:
    """Return the path of an archive in a directory."""
    return portable(os.path.join(directory, library.file))


def link_name_flags(library: Library, *, static: bool = False) -> tuple[str, ...]:
    """Return the same with ``-l``, for a linker that gets the directory with ``-L``."""
    return (f"-l{library.link_name}", *_system_flags(library, static=static))


def _system_flags(library: Library, *, static: bool, msvc: bool = False) -> tuple[str, ...]:
    system = system_library_flags(library, static=static, msvc=msvc)
    return (*system, *framework_flags(library))


def system_library_flags(
    library: Library, *, static: bool = False, msvc: bool = False
) -> tuple[str, ...]:
    """Return the flags for the system libraries that an archive needs, in rustc's order."""
    names = system_library_names(library, static=static)
    return tuple(f"{name}.lib" if msvc else f"-l{name}" for name in names)


def system_library_names(library: Library, *, static: bool = False) -> tuple[str, ...]:
    """Return their link names; ``static`` changes the one of GCC's unwinder."""
    names = library.system_libraries
    return tuple(_STATIC_NAMES.get(name, name) for name in names) if static else names


def framework_flags(library: Library) -> tuple[str, ...]:
    """Return the flags for the Apple frameworks that an archive needs, in rustc's order."""
    return tuple(flag for name in library.frameworks for flag in ("-framework", name))


def shell_join(flags: Iterable[str]) -> str:
    """Quote flags and join them to one line, for a POSIX shell.

    Also on Windows, where Git Bash, MSYS2 and their make have such a shell. The command prompt and
    PowerShell do not split a program's output. Only flags that need quotes get them.
    """
    return " ".join(map(_quoted, flags))


def _quoted(flag: str) -> str:
    if flag and _PLAIN.issuperset(flag):
        return flag
    import shlex

    return shlex.quote(flag)
