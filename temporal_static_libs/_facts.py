"""The data from the manifest that flags are made from, as a receipt stores it.

Imports little, because the fastest answers of `temporal-libs-config` need this module.
"""

from __future__ import annotations

import os

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._manifest import Manifest


def plain_component(spelling: str) -> str:
    """Return the canonical name of a component, for any spelling, also that of its archive.

    ``sdk_core``, ``temporal_sdk_core``, ``temporal-sdk-core``, ``libtemporal_sdk_core.a`` and
    ``temporal_sdk_core.lib`` all become ``sdk-core``. temporal_libs.zig and the CMake package have
    the same rule.
    """
    name = spelling.removeprefix("lib").removesuffix(".a").removesuffix(".lib").replace("_", "-")
    return name.removeprefix("temporal-")


class Facts:
    """The data for the answers of one call, from a receipt.

    `manifest` and `library` are this object, so that `recall.ANSWERS` also accepts it in place of
    `options.Answers`.

    Attributes:
        prefix: the package directory.
        directory: the directory of the archives.
        include_dir: the directory of the header.
        static: whether the program is linked with ``-static`` or ``-static-pie``.
        manifest: the data about all archives.
        target: Rust's target triple.
        platform: this project's name of the platform.
        abi: the ABI ID.
        msvc: whether the linker flags are for Microsoft's compiler.
        msvc_header: the same for the flags that find the header.
        gc_flag: the flag for dead-code elimination.
        library: the data about the archive of the selected component.
        file: the archive's file name.
        link_name: the archive's name for ``-l``.
        system_libraries: link names, in rustc's order.
        frameworks: Apple frameworks, in rustc's order.
    """

    def __init__(
        self,
        kept: Mapping[str, str],
        component: str,
        prefix: str,
        directory: str,
        *,
        static: bool,
    ) -> None:
        """Read the data that a receipt stores for a directory.

        Raises:
            KeyError: it does not contain the component.
        """
        self.prefix = prefix
        self.directory = directory
        self.include_dir = os.path.join(prefix, "include")
        self.static = static
        self.manifest = self.library = self
        self.target = kept["target"]
        self.platform = kept["platform"]
        self.abi = kept["abi"]
        self.msvc = self.msvc_header = self.target.endswith("-msvc")
        self.gc_flag = kept["gc_flag"]
        self.file = kept[f"{component} file"]
        self.link_name = kept[f"{component} link_name"]
        self.system_libraries = tuple(kept[f"{component} system_libraries"].split())
        self.frameworks = tuple(kept[f"{component} frameworks"].split())


def facts_of(manifest: Manifest) -> dict[str, str]:
    """Return what a receipt stores for `Facts`; nothing if an answer would be an error.

    The names in a manifest contain no spaces: `parse_manifest` ensures it.
    """
    from ._errors import UnsupportedPlatformError
    from ._targets import target_of_triple

    try:
        kept = {
            "target": manifest.target,
            "platform": manifest.platform,
            "abi": manifest.abi,
            "gc_flag": target_of_triple(manifest.target).gc_flag,
        }
        for library in manifest.libraries:
            kept[f"{library.component} file"] = library.file
            kept[f"{library.component} link_name"] = library.link_name
            kept[f"{library.component} system_libraries"] = " ".join(library.system_libraries)
            kept[f"{library.component} frameworks"] = " ".join(library.frameworks)
    except (UnsupportedPlatformError, ValueError):
        return {}
    return kept
