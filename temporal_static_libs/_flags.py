"""What to tell a compiler or a linker: one renderer a format.

On Windows, paths have forward slashes, which every compiler and build system there reads. A
backslash would be taken for an escape by the shells of Git and MSYS2, by make, and by CMake.

Little is imported: this belongs to the quickest answers of `temporal-libs-config`.
"""

from __future__ import annotations

import os
import sys

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._facts import Facts
    from ._manifest import ManifestLibrary

    Directory = str | os.PathLike[str]
    Library = ManifestLibrary | Facts

# GCC's unwinder, which has another name as a static library.
_STATIC_NAMES = {"gcc_s": "gcc_eh"}

# What `shlex.quote` leaves as it is; that module takes long to load.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_")


def portable(path: Directory) -> str:
    """Return a path as all programs of this system read it."""
    text = os.fspath(path)
    return text.replace("\\", "/") if sys.platform == "win32" else text


# The functions that take `msvc` return flags for Microsoft's compiler if it is true.


def compiler_flags(include_dir: Directory, *, msvc: bool = False) -> tuple[str, ...]:
    """Return what finds the header."""
    return (f"{'/I' if msvc else '-I'}{portable(include_dir)}",)


def linker_flags(gc_flag: str, *, msvc: bool = False) -> tuple[str, ...]:
    """Return what drops the parts of the archives that nothing uses.

    Microsoft's compiler passes to the linker what comes after ``/link``, libraries too.
    """
    return ("/link", gc_flag) if msvc else (gc_flag,)


def library_flags(
    directory: Directory, library: Library, *, static: bool = False, msvc: bool = False
) -> tuple[str, ...]:
    """Return all that a link needs: the archive's path, and what it needs from the system.

    There is no ``-L``: with one, the linker would look for the system libraries in the directory of
    the archives first.

    Args:
        directory: that of the archive.
        library: the archive.
        static: whether the program is linked with ``-static`` or ``-static-pie``.
        msvc: as above.
    """
    system = _system_flags(library, static=static, msvc=msvc)
    return (archive_path(directory, library), *system)


def archive_path(directory: Directory, library: Library) -> str:
    """Return the path of an archive in a directory."""
    return portable(os.path.join(directory, library.file))


def link_name_flags(library: Library, *, static: bool = False) -> tuple[str, ...]:
    """Return the same for a linker that has been given the directory."""
    return (f"-l{library.link_name}", *_system_flags(library, static=static))


def _system_flags(library: Library, *, static: bool, msvc: bool = False) -> tuple[str, ...]:
    system = system_library_flags(library, static=static, msvc=msvc)
    return (*system, *framework_flags(library))


def system_library_flags(
    library: Library, *, static: bool = False, msvc: bool = False
) -> tuple[str, ...]:
    """Return the system libraries that an archive needs, in rustc's order."""
    names = system_library_names(library, static=static)
    return tuple(f"{name}.lib" if msvc else f"-l{name}" for name in names)


def system_library_names(library: Library, *, static: bool = False) -> tuple[str, ...]:
    """Return their link names, of which ``static`` changes that of GCC's unwinder."""
    names = library.system_libraries
    return tuple(_STATIC_NAMES.get(name, name) for name in names) if static else names


def framework_flags(library: Library) -> tuple[str, ...]:
    """Return the Apple frameworks that an archive needs, in rustc's order."""
    return tuple(flag for name in library.frameworks for flag in ("-framework", name))


def shell_join(flags: Iterable[str]) -> str:
    """Return flags as one line that a shell splits into the same flags again.

    It is a POSIX shell on Windows, too, such as that of Git Bash, MSYS2 and their make. The command
    prompt and PowerShell do not split a program's output. Only flags that need quotes get them.
    """
    return " ".join(map(_quoted, flags))


def _quoted(flag: str) -> str:
    if flag and _PLAIN.issuperset(flag):
        return flag
    import shlex

    return shlex.quote(flag)
