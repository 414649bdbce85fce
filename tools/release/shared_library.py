"""A platform's shared library as an asset, for users without a linker."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from temporal_static_libs._components import SDK_CORE
from temporal_static_libs._shared.formats import FORMATS
from tools import ToolError
from tools.release.contents import ReleaseWheel
from tools.release.names import stem_of
from tools.release.packing import pack
from tools.shared.description import DESCRIPTION_NAME, describe
from tools.wheel.check import PACKAGE, check_facts

#: The suffix after the platform in the asset's name.
KIND: Final = "-shared"


def read_shared_library(directory: Path, wheel: ReleaseWheel) -> Path:
    """Check that a library from `tools.shared` belongs to the wheel of its platform.

    Args:
        directory: the directory with only the library and its description.
        wheel: the checked wheel.

    Returns:
        The library.
    """
    file = directory / FORMATS[wheel.target.os].file_name(SDK_CORE)
    try:
        names = {entry.name for entry in directory.iterdir()}
        found = json.loads((directory / DESCRIPTION_NAME).read_text(encoding="ascii"))
        expected = describe(file, wheel.manifest, SDK_CORE.name)
    except (OSError, ValueError) as error:
        raise ToolError(f"{directory}: no shared library: {error!r}") from None
    check_facts(directory, {"files": (names, {file.name, DESCRIPTION_NAME})})
    check_facts(file, {"description": (found, expected)})
    return file


def make_shared_tarball(library: Path, wheel: ReleaseWheel, directory: Path) -> None:
    """Make a shared library's tarball and its checksum.

    Args:
        library: the shared library.
        wheel: its platform's wheel, which has everything else.
        directory: the directory for both files.
    """
    with zipfile.ZipFile(wheel.file) as packed:
        files = {name: packed.read(member) for name, member in _members(wheel, packed)}
    files[library.name] = library.read_bytes()
    pack(files, stem_of(f"{wheel.target.platform}{KIND}", wheel.manifest.version), directory)


def _members(wheel: ReleaseWheel, packed: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield each file's name in the tarball and in the wheel."""
    places = {f"{PACKAGE}/include/": "include/", f"{wheel.dist_info}/licenses/": "licenses/"}
    for member in packed.namelist():
        if member == f"{PACKAGE}/share/interface.json":
            yield "interface.json", member
        for prefix, place in places.items():
            if member.startswith(prefix) and not member.endswith("/"):
                yield place + member.removeprefix(prefix), member
