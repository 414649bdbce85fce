"""The files with which build systems find the archives: a CMake package and pkg-config modules.

The wheel contains the files for its archives, in the same directory. For other archives, they are
generated on request in the cache directory, next to symbolic links to the archives, the header and
the protobuf files. On Windows, where not every user may create links, they contain absolute paths
instead.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from itertools import product
from pathlib import Path, PurePath

from .._cache import cache_directory, make_own_directory, not_usable
from .._console import encoded
from .._errors import CompileError, MissingLibraryError
from .._layout import TOOLCHAINS, toolchain_of
from .._library_set import (
    INCLUDE_DIR,
    PACKAGE_DIR,
    PROTO_DIR,
    WHEEL_LIB_DIR,
    LoadedSet,
    include_dir,
)
from .._manifest import Manifest
from .._messages import message
from .._records import read_record
from .._settings import Settings
from .._targets import target_of_triple
from .._whole_files import link_whole, remove_leftovers, write_whole
from . import cmake, pkgconfig
from .paths import CMAKE, PKG_CONFIG, found_in, refuse_characters
from .template import Places

_IN_CACHE = "build-systems"
# The links, next to the generated files in the cache.
_LINKS = (PurePath("lib"), PurePath("include"), PurePath("proto"))
_CARRIED_INCLUDE = INCLUDE_DIR.relative_to(PACKAGE_DIR)
_CARRIED_PROTOS = PROTO_DIR.relative_to(PACKAGE_DIR)


def render_files(manifest: Manifest, places: Places) -> dict[PurePath, str]:
    """Return the text of each file.

    Args:
        manifest: the manifest of the archives.
        places: the directories.

    Returns:
        Path, relative to a common directory, to text.
    """
    return _cmake_files(manifest, places) | _pkg_config_files(manifest, places)


def _cmake_files(manifest: Manifest, places: Places) -> dict[PurePath, str]:
    directory = PurePath(cmake.DIRECTORY)
    return {
        directory / cmake.CONFIG: cmake.config_file(manifest, places),
        directory / cmake.CONFIG_VERSION: cmake.config_version_file(manifest),
    }


def _pkg_config_files(manifest: Manifest, places: Places) -> dict[PurePath, str]:
    files = {}
    for library, static in product(manifest.libraries, (False, True)):
        module = f"{pkgconfig.module_name(library, static=static)}.pc"
        text = pkgconfig.pkg_config_module(manifest, library, places, static=static)
        files[PurePath(pkgconfig.DIRECTORY, module)] = text
    return files


def render_carried_files(manifest: Manifest, fix: str) -> dict[PurePath, str]:
    """Return the text of each file in the wheel of a set.

    A wheel for Windows has a CMake package next to the archives of each set, and one that includes
    the right one. Its pkg-config modules are those of the default toolchain.

    Args:
        manifest: the manifest of the archives.
        fix: the command that fixes a broken set.

    Returns:
        Path, relative to the ``lib`` directory of the package, to text.
    """
    target = target_of_triple(manifest.target)
    below = PurePath(target.lib_directory).relative_to("lib")

    def places(start: PurePath) -> Places:
        """Return the places, relative to a directory of the wheel."""
        up = PurePath(*[".."] * len(PurePath("lib", start).parts))
        archives = PurePath() if start == below else below
        return Places(archives, up / _CARRIED_INCLUDE, up / _CARRIED_PROTOS, "wheel", fix)

    files = {below / path: text for path, text in _cmake_files(manifest, places(below)).items()}
    if target.toolchain is not None:
        directory = PurePath(cmake.DIRECTORY)
        files[directory / cmake.CONFIG] = cmake.choosing_config_file(manifest, fix)
        files[directory / cmake.CONFIG_VERSION] = cmake.choosing_version_file(manifest)
    if target.toolchain in (None, TOOLCHAINS[0]):
        files |= _pkg_config_files(manifest, places(PurePath()))
    return files


def cmake_dir(loaded: LoadedSet, settings: Settings) -> Path:
    """Return the directory of the CMake package of the active archives, an absolute path.

    Args:
        loaded: the archives, verified.
        settings: the place of the cache directory.

    Raises:
        MissingLibraryError: a file of the wheel is absent.
        CompileError: the files must be generated, and the cache directory cannot be used.
        TemporalStaticLibsError: a path contains a character that CMake cannot read.
    """
    # CMake resolves links to these paths.
    include = include_dir(settings)
    places = [os.path.realpath(it) for it in (loaded.directory, include, PROTO_DIR)]
    for place in places:
        refuse_characters(place, CMAKE, "--cmakedir", "--libs")
    if loaded.origin.source == "wheel":
        return _of_wheel(loaded, cmake.DIRECTORY)
    cache = Path(cache_directory(settings))
    refuse_characters(cache, CMAKE, "--cmakedir", "--libs")
    return _generate(loaded, include, cache) / cmake.DIRECTORY


def pkg_config_dir(loaded: LoadedSet, settings: Settings) -> Path:
    """Return the directory of the pkg-config modules of the active archives, an absolute path.

    It is also in the cache directory if some readers of pkg-config's output could not handle the
    path of the wheel, for example because it contains a space. On Windows, no link can avoid that.

    Arguments and errors are those of `cmake_dir`.
    """
    is_default = toolchain_of(loaded.manifest.target) in (None, TOOLCHAINS[0])
    is_carried = loaded.origin.source == "wheel" and is_default
    carried = _of_wheel(loaded, pkgconfig.DIRECTORY) if is_carried else None
    if carried is not None and (sys.platform == "win32" or pkgconfig.suits_every_reader(carried)):
        refuse_characters(carried, PKG_CONFIG, "--pkgconfigdir", "--libs")
        return carried
    # Only now: the wheel's modules need no cache, and without a home directory there is none.
    cache = Path(cache_directory(settings))
    cache_suits = pkgconfig.suits_every_reader(cache)
    if carried is not None and not cache_suits and not found_in(str(carried), PKG_CONFIG):
        return carried
    refuse_characters(cache, PKG_CONFIG, "--pkgconfigdir", "--libs")
    return _generate(loaded, include_dir(settings), cache) / pkgconfig.DIRECTORY


def _of_wheel(loaded: LoadedSet, name: str) -> Path:
    for path in render_carried_files(loaded.manifest, loaded.origin.fix):
        file = WHEEL_LIB_DIR / path
        if path.is_relative_to(name) and not file.is_file():
            raise MissingLibraryError(
                loaded.origin.report(message("missing", name=file.name), file)
            )
    return WHEEL_LIB_DIR / name


def _rendered(loaded: LoadedSet, include: Path) -> dict[PurePath, str]:
    origin = loaded.origin
    archives, headers, protos = _LINKS
    if sys.platform == "win32":
        archives, headers, protos = _targets(loaded, include)
    places = Places(archives, headers, protos, origin.source, origin.fix)
    return render_files(loaded.manifest, places)


def _targets(loaded: LoadedSet, include: Path) -> tuple[PurePath, ...]:
    """Return the target of each link."""
    return loaded.directory, include.absolute(), PROTO_DIR.absolute()


def _generate(loaded: LoadedSet, include: Path, cache: Path) -> Path:
    """Write the files into a directory that is named after their hash and therefore never changes.

    Older directories stay for the build trees that were configured with them.
    """
    import hashlib

    files = {path: encoded(text) for path, text in _rendered(loaded, include).items()}
    links: dict[PurePath, bytes] = {}
    if sys.platform != "win32":
        links = dict(zip(_LINKS, map(os.fsencode, _targets(loaded, include)), strict=True))
    entries = sorted({**files, **links}.items())
    content = b"\0".join(part for path, entry in entries for part in (os.fsencode(path), entry))
    directory = cache / _IN_CACHE / hashlib.sha256(content).hexdigest()[:16]
    make_own_directory(cache, may_be_link=True)
    make_own_directory(directory.parent)
    try:
        changed = [_write_if_changed(directory / path, text) for path, text in files.items()]
        changed += [_link_if_changed(directory / path, target) for path, target in links.items()]
    except OSError as error:
        raise CompileError(not_usable(cache, error)) from None
    if any(changed):
        _remove_leftovers(directory.parent)
    return directory


def _write_if_changed(file: Path, content: bytes) -> bool:
    with suppress(FileNotFoundError, ValueError):
        if read_record(file) == content:
            return False
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, content)
    return True


def _link_if_changed(link: Path, target: bytes) -> bool:
    with suppress(FileNotFoundError):
        if os.readlink(os.fsencode(link)) == target:
            return False
    link_whole(link, target)
    return True


def _remove_leftovers(generated: Path) -> None:
    for directory, _, _ in os.walk(generated):
        remove_leftovers(Path(directory))
