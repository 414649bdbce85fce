"""The CMake package, which ``find_package(TemporalStaticLibs)`` reads."""

from __future__ import annotations

import re
from pathlib import PurePath

from .._errors import TemporalStaticLibsError
from .._flags import system_library_flags
from .._layout import TOOLCHAINS
from .._library_set import CPP_HEADER, HEADER
from .._manifest import Manifest, ManifestLibrary
from .._messages import message
from .._targets import Target, target_of_triple
from .template import Places, fill

DIRECTORY = "cmake/TemporalStaticLibs"
CONFIG = "TemporalStaticLibsConfig.cmake"
CONFIG_VERSION = "TemporalStaticLibsConfigVersion.cmake"

# CMAKE_SYSTEM_NAME, by the operating system of the target.
_SYSTEMS = {"linux": "Linux", "macos": "Darwin", "windows": "Windows"}
# Regular expressions for CMAKE_SYSTEM_PROCESSOR, which `uname -m` or a toolchain file sets.
_PROCESSORS = {"x64": "x86_64|amd64|AMD64|x64", "arm64": "aarch64|arm64|ARM64"}
_VERSION = re.compile(r"(?P<release>\d+(?:\.\d+)*)(?:\.post(?P<post>\d+))?")


def config_file(manifest: Manifest, places: Places) -> str:
    """Return ``TemporalStaticLibsConfig.cmake``, which imports the targets.

    Args:
        manifest: the manifest of the archives.
        places: the directories.
    """
    libraries = manifest.libraries
    target = target_of_triple(manifest.target)
    return fill(
        f"{CONFIG}.in",
        {
            "LIBDIR": _path(places.archives),
            "INCLUDEDIR": _path(places.include),
            "HEADER": HEADER.name,
            "CPP_HEADER": CPP_HEADER.name,
            "PROTODIR": _path(places.protos),
            "COMPONENTS": " ".join(_target_name(library) for library in libraries),
            "TABLE": "\n".join(_row(library, target) for library in libraries),
            "SOURCE": places.source,
            "FIX": _escaped(places.fix),
            "GC_OPTION": target.gc_flag.removeprefix("-Wl,"),
            "TOOLCHAIN": target.toolchain or "",
        },
    )


def choosing_config_file(manifest: Manifest, fix: str) -> str:
    """Return the ``TemporalStaticLibsConfig.cmake`` that includes the one for the toolchain.

    It does not depend on the toolchains that a wheel for Windows has archives for.

    Args:
        manifest: the manifest of any of the sets.
        fix: the command that fixes a broken set.
    """
    directories = {it: _platform_of(target_of_triple(manifest.target), it) for it in TOOLCHAINS}
    return fill(
        f"{CONFIG.removesuffix('.cmake')}Windows.cmake.in",
        {it.upper(): f"{directories[it]}/{DIRECTORY}/{CONFIG}" for it in TOOLCHAINS}
        | {"UP": _up(), "FIX": _escaped(fix)},
    )


def choosing_version_file(manifest: Manifest) -> str:
    """Return the ``TemporalStaticLibsConfigVersion.cmake`` next to it, for any toolchain."""
    return _version_file(manifest, _platform_of(target_of_triple(manifest.target), None))


def _platform_of(target: Target, toolchain: str | None) -> str:
    return "-".join(filter(None, (target.os, target.architecture, toolchain)))


def config_version_file(manifest: Manifest) -> str:
    """Return ``TemporalStaticLibsConfigVersion.cmake``, which checks version and platform."""
    return _version_file(manifest, target_of_triple(manifest.target).platform)


def _version_file(manifest: Manifest, platform: str) -> str:
    target = target_of_triple(manifest.target)
    version = cmake_version(manifest.version)
    major, minor = version.split(".")[:2]
    return fill(
        f"{CONFIG_VERSION}.in",
        {
            "VERSION": version,
            "SERIES": f"{major}.{minor}" if major == "0" else major,
            "PLATFORM": platform,
            "SYSTEM": _SYSTEMS[target.os],
            "PROCESSORS": _PROCESSORS[target.architecture],
        },
    )


def cmake_version(version: str) -> str:
    """Convert a Python version to one that CMake can compare: ``1.2.3.post4`` is ``1.2.3.4``.

    Raises:
        TemporalStaticLibsError: it is neither a release nor a post-release.
    """
    parts = _VERSION.fullmatch(version)
    if parts is None:
        raise TemporalStaticLibsError(message("no-cmake-version", version=version))
    return parts["release"] if parts["post"] is None else f"{parts['release']}.{parts['post']}"


def _target_name(library: ManifestLibrary) -> str:
    return library.component.replace("-", "_")


def _row(library: ManifestLibrary, target: Target) -> str:
    name = f"_temporal_{_target_name(library)}"
    # As flags: a bare name such as `m` would refer to a target of the project, if there is one.
    frameworks = [f"-framework {it}" for it in library.frameworks]
    msvc = target.toolchain == "msvc"
    links, static_links = (
        ";".join([*system_library_flags(library, static=static, msvc=msvc), *frameworks])
        for static in (False, True)
    )
    return (
        f'set({name}_file "{library.file}")\n'
        f'set({name}_sha256 "{library.sha256}")\n'
        f'set({name}_links "{links}")\n'
        f'set({name}_static_links "{static_links}")'
    )


def _path(path: PurePath) -> str:
    if path.is_absolute():
        return _escaped(path.as_posix())
    return f"${{CMAKE_CURRENT_LIST_DIR}}/{PurePath(_up(), path).as_posix()}"


def _up() -> str:
    return "/".join(".." for _ in PurePath(DIRECTORY).parts)


def _escaped(text: str) -> str:
    """Escape for use between double quotes."""
    return re.sub(r'([\\"$])', r"\\\1", text)
