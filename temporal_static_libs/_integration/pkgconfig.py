"""The pkg-config modules of an archive, such as ``temporal-sdk-core.pc``."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePath

from .._about import PROJECT_URL
from .._components import component_named
from .._flags import link_name_flags
from .._manifest import Manifest, ManifestLibrary
from .._targets import target_of_triple
from .template import Places, fill

DIRECTORY = "pkgconfig"

# Characters in a path at which readers of pkg-config's output split, or which they misinterpret.
_SPECIAL = re.compile(r"[^\w@%+=,./-]")
# The same on Windows, where pkgconf converts backslashes to slashes.
_SPECIAL_ON_WINDOWS = re.compile(r"[^\w@%+=,./:\\-]")


def module_name(library: ManifestLibrary, *, static: bool = False) -> str:
    """Return the module's name for ``pkg-config`` and Meson's ``dependency()``.

    Args:
        library: the archive.
        static: whether to return the module for programs linked with ``-static``. It is separate,
            because ``pkg-config --static`` can add flags but remove none.
    """
    return f"temporal-{library.component}{'-static' if static else ''}"


def pkg_config_module(
    manifest: Manifest, library: ManifestLibrary, places: Places, *, static: bool = False
) -> str:
    """Return the text of a module.

    Args:
        manifest: the manifest of the archives.
        library: the archive.
        places: the directories.
        static: as for `module_name`.
    """
    component = component_named(library.component)
    return fill(
        "pkg-config.pc.in",
        {
            "LIBDIR": _path(places.archives),
            "INCLUDEDIR": _path(places.include),
            "PROTODIR": _path(places.protos),
            "GC_FLAG": target_of_triple(manifest.target).gc_flag,
            "NAME": module_name(library, static=static),
            "DESCRIPTION": f"Temporal's Rust core as a static library: {component.summary}"
            f"{', for static programs' if static else ''}",
            "URL": PROJECT_URL,
            "VERSION": manifest.version,
            "LIBS": " ".join(link_name_flags(library, static=static)),
        },
    )


def suits_every_reader(directory: Path) -> bool:
    """Return whether all readers understand flags with paths below a directory.

    pkgconf escapes spaces. But a shell's ``$(pkg-config …)``, Zig and older versions of Go split at
    every space, escaped or not.
    """
    special = _SPECIAL_ON_WINDOWS if sys.platform == "win32" else _SPECIAL
    return special.search(str(directory)) is None


def _path(path: PurePath) -> str:
    if path.is_absolute():
        # The same escapes as pkgconf uses for pcfiledir.
        return re.sub(r"([\s()])", r"\\\1", path.as_posix())
    return f"${{pcfiledir}}/{PurePath('..', path).as_posix()}"
