"""The files with which build systems find archives: a CMake package, and pkg-config modules.

The wheel carries those of its own archives, made when it was built, in the directory of the
archives. For archives from elsewhere they are made when they are asked for, in the cache directory,
beside symbolic links to the archives, the header and the protobuf files.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePath

from . import _cmake_package, _pkg_config
from ._archives import INCLUDE_DIR, PROTO_DIR, InForce
from ._cache import cache_directory, make_own_directory, not_usable
from ._errors import CompileError, MissingLibraryError
from ._manifest import Manifest
from ._places import Places
from ._settings import Settings

_IN_CACHE = "build-systems"
# The links, beside the files that are made in the cache.
_ARCHIVES = PurePath("lib")
_INCLUDE = PurePath("include")
_PROTOS = PurePath("proto")


def render_files(manifest: Manifest, places: Places) -> dict[PurePath, str]:
    """Write them all.

    Args:
        manifest: what the archives are.
        places: where they are.

    Returns:
        Path, relative to one directory for all, to text.
    """
    cmake = PurePath(_cmake_package.DIRECTORY)
    pkg_config = PurePath(_pkg_config.DIRECTORY)
    files = {
        cmake / _cmake_package.CONFIG: _cmake_package.config_file(manifest, places),
        cmake / _cmake_package.CONFIG_VERSION: _cmake_package.config_version_file(manifest),
    }
    for library in manifest.libraries:
        module = f"{_pkg_config.module_name(library)}.pc"
        files[pkg_config / module] = _pkg_config.pkg_config_module(manifest, library, places)
    return files


def cmake_dir(in_force: InForce, settings: Settings) -> Path:
    """The directory of the CMake package of the archives in force.

    Args:
        in_force: archives that have been verified.
        settings: what says where the cache directory is.

    Returns:
        An absolute path.

    Raises:
        MissingLibraryError: a file of the wheel is absent.
        CompileError: they are to be made, and the cache directory cannot be used.
    """
    if in_force.origin.source == "wheel":
        return _of_wheel(in_force, _cmake_package.DIRECTORY)
    return _made(in_force, _cache(settings)) / _cmake_package.DIRECTORY


def pkg_config_dir(in_force: InForce, settings: Settings) -> Path:
    """The directory of the pkg-config modules of the archives in force.

    It is in the cache directory, too, if not every reader of pkg-config's output could follow to
    where the wheel is, because there is a blank in its path, say.

    Arguments and errors are those of `cmake_dir`.
    """
    cache = _cache(settings)
    if in_force.origin.source == "wheel":
        carried = _of_wheel(in_force, _pkg_config.DIRECTORY)
        if _pkg_config.suits_every_reader(carried) or not _pkg_config.suits_every_reader(cache):
            return carried
    return _made(in_force, cache) / _pkg_config.DIRECTORY


def _of_wheel(in_force: InForce, name: str) -> Path:
    directory = in_force.directory / name
    for path in _rendered(in_force):
        file = in_force.directory / path
        if path.is_relative_to(name) and not file.is_file():
            raise MissingLibraryError(in_force.origin.report(f"{file.name} is missing", file))
    return directory


def _cache(settings: Settings) -> Path:
    return Path(cache_directory(settings))


def _rendered(in_force: InForce) -> dict[PurePath, str]:
    origin = in_force.origin
    places = Places(_ARCHIVES, _INCLUDE, _PROTOS, origin.source, origin.mend)
    return render_files(in_force.manifest, places)


def _made(in_force: InForce, cache: Path) -> Path:
    """Have them in a directory named for what is in it, so that nothing ever changes it.

    What was there before stays for the build trees that were configured with it.
    """
    import hashlib

    files = {path: os.fsencode(text) for path, text in _rendered(in_force).items()}
    links = {
        _ARCHIVES: os.fsencode(in_force.directory),
        _INCLUDE: os.fsencode(INCLUDE_DIR.absolute()),
        _PROTOS: os.fsencode(PROTO_DIR.absolute()),
    }
    entries = sorted({**files, **links}.items())
    content = b"\0".join(part for path, entry in entries for part in (os.fsencode(path), entry))
    directory = cache / _IN_CACHE / hashlib.sha256(content).hexdigest()[:16]
    make_own_directory(cache, may_be_link=True)
    make_own_directory(directory.parent)
    try:
        for path, text in files.items():
            _have_file(directory / path, text)
        for path, target in links.items():
            _have_link(directory / path, target)
    except OSError as error:
        raise CompileError(not_usable(cache, error)) from None
    return directory


def _have_file(file: Path, content: bytes) -> None:
    try:
        if file.read_bytes() == content:
            return
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
    new = _new_name(file)
    new.write_bytes(content)
    new.replace(file)


def _have_link(link: Path, target: bytes) -> None:
    with suppress(FileNotFoundError):
        if os.readlink(os.fsencode(link)) == target:
            return
    new = _new_name(link)
    os.symlink(target, os.fsencode(new))
    new.replace(link)


def _new_name(file: Path) -> Path:
    """Where to make a file before it gets its own name: another process may be about to read it."""
    return file.with_name(f".{file.name}.{os.getpid()}")
