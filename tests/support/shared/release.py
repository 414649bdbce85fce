"""The shared library of each wheel and its description, like those from a release's builds."""

from __future__ import annotations

import zipfile
from pathlib import Path

import temporal_static_libs
from temporal_static_libs._components import SDK_CORE
from temporal_static_libs._manifest import MANIFEST_NAME, parse_manifest
from temporal_static_libs._shared.formats import FORMATS
from temporal_static_libs._targets import target_of_triple
from tools.shared.description import write_description
from tools.wheel.check import PACKAGE

_ARCHIVE = b"!<arch>\n"


def make_shared_libraries(distributions: Path, directory: Path) -> Path:
    """Make ``shared-PLATFORM`` for each wheel.

    If a wheel has real archives, the library is linked from the installed ones, which are the same.
    Otherwise, it has only a few bytes.

    Args:
        distributions: the wheels.
        directory: where to make them.

    Returns:
        The directory.
    """
    for wheel in distributions.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            (described,) = (
                name
                for name in packed.namelist()
                if name.startswith(f"{PACKAGE}/lib/") and name.endswith(f"/{MANIFEST_NAME}")
            )
            manifest = parse_manifest(packed.read(described).decode())
            directory_of_archives = described.removesuffix(MANIFEST_NAME)
            archive = packed.read(directory_of_archives + manifest.libraries[0].file)
        place = directory / f"shared-{manifest.platform}"
        if archive.startswith(_ARCHIVE):
            file = temporal_static_libs.shared_library(place)
        else:
            place.mkdir(parents=True)
            file = place / FORMATS[target_of_triple(manifest.target).os].file_name(SDK_CORE)
            file.write_bytes(f"{manifest.platform} shared library".encode())
        write_description(file, manifest, SDK_CORE.name)
    return directory
