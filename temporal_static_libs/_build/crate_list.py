"""The list of crates in a program, in the format that cargo-auditable writes and scanners read.

cargo-auditable skips static libraries, so this module creates the list: JSON, compressed with zlib.
PARSING.md in https://github.com/rust-secure-code/cargo-auditable describes the format.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping
from typing import Any

#: The section that contains the list.
SECTION = ".dep-v0"

_CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def crate_list(
    metadata: Mapping[str, Any], root: str, compiled: Collection[str], linked: Collection[str]
) -> bytes:
    """Return the content of the section.

    Args:
        metadata: the output of ``cargo metadata``.
        root: the ID of the package that was compiled.
        compiled: the IDs of all packages that cargo compiled for it.
        linked: the IDs of those whose code is in the archive. Cargo compiled the others for the
            host: build scripts, macros, and their dependencies.

    Raises:
        KeyError or TypeError: the metadata lacks a field that every package should have.
    """
    packages = {one["id"]: one for one in metadata["packages"] if one["id"] in compiled}
    used = {
        node["id"]: [
            edge["pkg"]
            for edge in node["deps"]
            if edge["pkg"] in packages
            and any(kind["kind"] in (None, "build") for kind in edge["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
        if node["id"] in packages
    }
    ids = sorted(packages, key=lambda id_: (packages[id_]["name"], packages[id_]["version"], id_))
    index = {id_: number for number, id_ in enumerate(ids)}
    entries = []
    for id_ in ids:
        package = packages[id_]
        entry = {name: package[name] for name in ("name", "version")}
        entry["source"] = _source(package["source"])
        if id_ not in linked:
            entry["kind"] = "build"
        if used[id_]:
            entry["dependencies"] = sorted(index[other] for other in used[id_])
        if id_ == root:
            entry["root"] = True
        entries.append(entry)
    text = json.dumps({"packages": entries}, separators=(",", ":"))
    return zlib.compress(text.encode("ascii"), 9)


def _source(source: str | None) -> str:
    if source is None:
        return "local"
    return "crates.io" if source == _CRATES_IO else source.partition("+")[0]
