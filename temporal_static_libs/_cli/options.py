"""The answers to the options of `temporal-libs-config`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property

from .._about import TROUBLESHOOTING_URL
from .._console import encoded
from .._errors import TemporalStaticLibsError
from .._flags import portable, system_library_names
from .._integration.paths import LINES, refuse_characters
from .._layout import toolchain_of
from .._library_set import (
    HEADER,
    INTERFACE,
    PACKAGE_DIR,
    PROTO_DIR,
    ZIG_BINDINGS,
    ZIG_DIR,
    LoadedSet,
    include_dir,
    proto_dir,
    wheel_text,
    wheel_toolchains,
)
from .._manifest import Manifest, ManifestLibrary
from .._messages import message
from .._metrics import Resolution
from .._settings import Settings
from .._sources import prepare
from .._targets import TARGETS, target_of_triple
from .recall import ANSWERS as QUICK_ANSWERS


class Answers:
    """The data for the answers of one call, loaded and verified once, and only if needed."""

    prefix: str = str(PACKAGE_DIR)

    def __init__(
        self,
        component: str,
        settings: Settings,
        resolution: Resolution,
        *,
        static: bool,
        toolchain: str | None,
        shared: str | None = None,
    ) -> None:
        self.static = static
        self._shared = shared
        self._settings = settings
        self._toolchain = toolchain
        self._component = component
        self._resolution = resolution

    @cached_property
    def include_dir(self) -> str:
        """The directory of the C header."""
        return str(include_dir(self._settings))

    @cached_property
    def loaded(self) -> LoadedSet:
        """The archives, for answers that do not name an archive."""
        self._resolution.is_begun = True
        return self._found(prepare(self._settings, self._toolchain))

    @cached_property
    def verified(self) -> LoadedSet:
        """The archives, verified, for answers that name one."""
        return self._found(self.loaded.verified_once(self._settings))

    @property
    def directory(self) -> str:
        """The directory of the archives."""
        return str(self.verified.directory)

    @property
    def msvc(self) -> bool:
        """Whether the flags are for Microsoft's compiler."""
        return toolchain_of(self.loaded.manifest.target) == "msvc"

    @property
    def msvc_header(self) -> bool:
        """The same, for an answer that does not require archives."""
        named = (self._toolchain, *wheel_toolchains())
        return next(filter(None, named), None) == "msvc"

    @property
    def gc_flag(self) -> str:
        """The flag for dead-code elimination."""
        return target_of_triple(self.verified.manifest.target).gc_flag

    @property
    def manifest(self) -> Manifest:
        """The manifest of the archives."""
        return self.loaded.manifest

    @property
    def library(self) -> ManifestLibrary:
        """The archive of the selected component, from the manifest."""
        return self.loaded.library(self._component)

    def json(self) -> str:
        """Return the manifest, extended with paths, the source and all platforms."""
        loaded = self.verified
        target = target_of_triple(loaded.manifest.target)
        manifest = loaded.manifest.to_dict()
        for library, entry in zip(loaded.manifest.libraries, manifest["libraries"], strict=True):
            entry["name"] = library.link_name
            entry["path"] = _path(loaded.archive(library))
            entry["system_libraries"] = system_library_names(library, static=self.static)
        added = {
            "source": loaded.origin.source,
            "source_description": _text(loaded.origin.described),
            "prefix": _path(self.prefix),
            "libdir": _path(self.directory),
            "includedir": _path(self.include_dir),
            "header": _path(os.path.join(self.include_dir, HEADER.name)),
            "interface": _path(INTERFACE),
            "protodir": _path(PROTO_DIR),
            "zig_bindings": [{"zig": zig, "path": _path(it)} for zig, it in ZIG_BINDINGS.items()],
            "platforms": [
                {"platform": t.platform, "wheel_tag": t.wheel_tags[0], "zig_target": t.zig_target}
                for t in dict.fromkeys((*TARGETS, target))
            ],
            "toolchains": wheel_toolchains() if loaded.origin.source == "wheel" else (),
            "troubleshooting": TROUBLESHOOTING_URL,
        }
        return json.dumps(added | manifest)

    def interface(self) -> str:
        """Return the file that describes the C interface, after checking that it can be read."""
        wheel_text(INTERFACE)
        return portable(INTERFACE)

    def cmake_dir(self) -> str:
        """Return the directory of the CMake package."""
        # Imported here, because most calls do not need it; likewise below.
        from .._integration.files import cmake_dir

        return portable(cmake_dir(self.verified, self._settings))

    def pkg_config_dir(self) -> str:
        """Return the directory of the pkg-config modules."""
        from .._integration.files import pkg_config_dir

        return portable(pkg_config_dir(self.verified, self._settings))

    def shared_library(self) -> str:
        """Link the component's archive into a shared library; return its path."""
        from .._shared.library import link_shared_library

        assert self._shared is not None
        # Before the link, and not only when the answer is printed.
        refuse_characters(os.path.abspath(self._shared), LINES, "--shared", "shared_library()")
        environ = self._settings.environ
        return portable(link_shared_library(self.verified, self._component, self._shared, environ))

    def sha256(self) -> str:
        """Return the verified hash of the component's archive."""
        return self.verified.library(self._component).sha256

    def verification(self) -> str:
        """Verify the files by hash, and return their names."""
        verified = self._found(self.loaded.verify(self._settings))
        return f"ok: {' '.join(file.path.name for file in verified.files)}"

    def _found(self, loaded: LoadedSet) -> LoadedSet:
        self._resolution.found(loaded)
        return loaded


def _path(path: str | os.PathLike[str]) -> str:
    return _text(portable(path))


def _text(path: str) -> str:
    """Decode the bytes of a path, or of text with a path, as UTF-8.

    Raises:
        TemporalStaticLibsError: they are not valid UTF-8.
    """
    content = encoded(path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        file = content.decode("utf-8", errors="backslashreplace")
        raise TemporalStaticLibsError(message("path-not-utf-eight", file=file)) from None


FLAGS: Mapping[str, str] = {
    "--cflags": "compiler flags: header search path",
    "--ldflags": "linker flags: dead-code elimination",
    "--libs": "linker flags: library, system libraries, frameworks",
    "--libfiles": "path of the library, quoted for a shell",
    "--system-libs": "only the system libraries of --libs",
    "--frameworks": "only the Apple frameworks of --libs",
}
"""Options that print flags, with their help."""

PATHS: Mapping[str, str] = {
    "--prefix": "package directory",
    "--libdir": "library directory",
    "--includedir": "header directory",
    "--cmakedir": "CMake package, for TemporalStaticLibs_DIR",
    "--pkgconfigdir": "pkg-config modules, for PKG_CONFIG_PATH",
    "--protodir": "Temporal's protobuf files, for protoc's -I",
    "--zigdir": "temporal_libs.zig and the C header translated to Zig",
    "--interface": "JSON description of the C API, for binding generators",
}
"""Options that print paths, with their help."""

INFORMATION: Mapping[str, str] = {
    "--version": "package version",
    "--target": "Rust target triple of the libraries",
    "--platform": "platform of the libraries, such as linux-x64",
    "--abi": "ABI ID of the header and the libraries",
    "--sha256": "SHA-256 of the library, to trigger rebuilds",
    "--json": "paths, system libraries and versions as JSON",
    "--verify": "verify checksums, ignoring cached results",
}
"""Options that describe or verify the libraries, with their help."""

ANSWERS: Mapping[str, Callable[[Answers], str]] = {
    **QUICK_ANSWERS,
    "--interface": Answers.interface,
    "--cmakedir": Answers.cmake_dir,
    "--pkgconfigdir": Answers.pkg_config_dir,
    "--protodir": lambda a: portable(proto_dir()),
    "--zigdir": lambda a: portable(ZIG_DIR),
    "--sha256": Answers.sha256,
    "--shared": Answers.shared_library,
    "--json": Answers.json,
    "--verify": Answers.verification,
}
"""Option to its answer."""
