"""Temporal's Rust core as static libraries with a C ABI: where they are and how to link them.

>>> import temporal_static_libs
>>> temporal_static_libs.link_flags()
('/…/temporal_static_libs/lib/libtemporal_sdk_core.a', '-lgcc_s', …)

Every function that returns the place of an archive verifies the active archives first. The result
is cached, so later calls hash nothing, unless TEMPORAL_LIBS_VERIFY is ``always``. These environment
variables select the archives: TEMPORAL_LIBS_DIR names a directory to use instead of the wheel's;
USE_PREBUILT_LIBS=false compiles them on this machine; TEMPORAL_LIBS_FALLBACK=compile does so if the
wheel's are broken. Compiling takes minutes, once; its progress goes to stderr.

A wheel for Windows can contain archives for two toolchains. To select them, pass ``toolchain``,
``gnu`` or ``msvc``, to these functions. The default is ``gnu``, or the only one in the wheel.

These functions raise MissingLibraryError if an archive is absent or cannot be read,
ChecksumMismatchError if it is not the one that was recorded when it was built, CompileError if
archives could not be compiled, and TemporalStaticLibsError, the base class of all of them, if the
environment requests something that is unavailable.
"""

from __future__ import annotations

from ._about import __version__
from ._errors import (
    ChecksumMismatchError,
    CompileError,
    LinkError,
    MissingLibraryError,
    TemporalStaticLibsError,
    UnsupportedPlatformError,
)

# Type checkers treat it as typing.TYPE_CHECKING; importing typing costs as much as all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from pathlib import Path

    from ._library_set import LoadedSet
    from ._public import LibrarySet

__all__ = [
    "ChecksumMismatchError",
    "CompileError",
    "LinkError",
    "MissingLibraryError",
    "TemporalStaticLibsError",
    "UnsupportedPlatformError",
    "__version__",
    "include_dir",
    "lib_dir",
    "library_set",
    "link_flags",
    "shared_library",
    "verify",
]

# Imports are inside the functions: a build script that needs only one directory does not load what
# the other functions need.


def lib_dir(*, toolchain: str | None = None) -> Path:
    """Return the directory of the active archives, an absolute path."""
    return _verified(toolchain).directory


def include_dir() -> Path:
    """Return the directory of ``temporal-sdk-core-c-bridge.h``, an absolute path.

    It is the package's, or the one next to the directory that TEMPORAL_LIBS_DIR names if that
    contains the header that was recorded with those archives.
    """
    from ._library_set import include_dir as directory_of_header
    from ._origin import refuse_zip
    from ._settings import Settings

    refuse_zip()
    return directory_of_header(Settings.from_environ())


def library_set(*, toolchain: str | None = None) -> LibrarySet:
    """Return the active archives.

    Returns:
        ``platform`` (linux, macos, windows), ``architecture`` (x64, arm64), ``version``, and
        ``libraries``, each with ``name``, ``path`` (absolute) and ``checksum`` (SHA-256 in
        hexadecimal).
    """
    from ._public import describe

    return describe(_verified(toolchain))


def link_flags(
    component: str = "sdk-core", *, static: bool = False, toolchain: str | None = None
) -> tuple[str, ...]:
    """Return the arguments with which a C compiler links an archive, like ``--libs``, not quoted.

    Args:
        component: ``sdk-core`` for the whole API, ``client`` for the part without workers; the
            archive's name, such as ``temporal_sdk_core``, is accepted too.
        static: whether the program is linked with ``-static`` or ``-static-pie``.
        toolchain: for Windows, ``gnu`` or ``msvc``.

    Returns:
        The arguments in the required order: the archive's path, then the system libraries, as rustc
        reported them when the archive was built.

    Raises:
        ValueError: there is no such component.
    """
    from ._components import component_named
    from ._flags import library_flags
    from ._layout import toolchain_of

    name = component_named(component).name
    loaded = _verified(toolchain)
    msvc = toolchain_of(loaded.manifest.target) == "msvc"
    return library_flags(loaded.directory, loaded.library(name), static=static, msvc=msvc)


def shared_library(
    directory: str | os.PathLike[str],
    component: str = "sdk-core",
    *,
    toolchain: str | None = None,
) -> Path:
    """Link an archive into a shared library, as ``--shared`` does, and return its absolute path.

    This takes about a second; the first link with Zig, about 15. An existing file is replaced only
    after the link has succeeded.

    Args:
        directory: the directory for the file; created if necessary.
        component: as for `link_flags`.
        toolchain: as for `link_flags`.

    Raises:
        ValueError: there is no such component.
        LinkError: there is no linker, it fails, or the directory cannot be written to.
    """
    import os

    from ._components import component_named
    from ._shared.library import link_shared_library

    name = component_named(component).name
    return link_shared_library(_verified(toolchain), name, directory, os.environ)


def verify(*, toolchain: str | None = None) -> None:
    """Compare the hash of every active archive with the one recorded when it was built.

    Unless TEMPORAL_LIBS_VERIFY is ``always``, the other functions use the cached result while the
    files have the same sizes and times; this one always hashes.
    """
    _verified(toolchain, hashed=True)


def _verified(toolchain: str | None, *, hashed: bool = False) -> LoadedSet:
    from ._metrics import recorded
    from ._origin import refuse_zip
    from ._settings import Settings
    from ._sources import prepare

    refuse_zip()
    settings = Settings.from_environ()
    with recorded(settings) as resolution:
        resolution.is_begun = True
        found = prepare(settings, toolchain)
        resolution.found(found)
        verified = found.verify(settings) if hashed else found.verified_once(settings)
        resolution.found(verified)
        return verified
