"""What the flags are made of, as a receipt keeps it: what the manifest says of each archive.

Little is imported: this belongs to the quickest answers of `temporal-libs-config`.
"""

from __future__ import annotations

import os

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._manifest import Manifest


def plain_component(spelling: str) -> str:
    """Return the one name for each spelling of a component that names its archive, too.

    ``sdk_core``, ``temporal_sdk_core``, ``temporal-sdk-core``, ``libtemporal_sdk_core.a`` and
    ``temporal_sdk_core.lib`` are all ``sdk-core``. temporal_libs.zig and the CMake package have the
    same rule.
    """
    name = spelling.removeprefix("lib").removesuffix(".a").removesuffix(".lib").replace("_", "-")
    return name.removeprefix("temporal-")


class Facts:
    """What the answers of one call are made of, as far as it is remembered.

    Attributes:
        prefix: the directory of the package.
        directory: that of the archives.
        include_dir: that of the header.
        static: whether the answers are for a link with ``-static`` or ``-static-pie``.
        manifest: what the manifest says of the archives: this.
        target: Rust's target triple.
        platform: this project's name of the platform.
        abi: the ABI id.
        msvc: whether the flags are for Microsoft's compiler; `msvc_header` for those that find
            the header.
        gc_flag: what makes a C compiler driver drop the parts of an archive that nothing uses.
        library: what it says of the component that the call is about: this, too.
        file: the archive's file name.
        link_name: the one that ``-l`` takes.
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
        """Take them from what a receipt has kept of a directory.

        Raises:
            KeyError: it does not have the component.
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
    """Return what a receipt is to keep: all that `Facts` takes; nothing if an answer is an error.

    A manifest's names hold no space: `parse_manifest` sees to it.
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
