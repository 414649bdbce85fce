"""The files of a platform's tarball: those of its wheel, for build systems without Python."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Final

from temporal_static_libs._integration.files import render_files
from temporal_static_libs._integration.template import Places
from temporal_static_libs._manifest import MANIFEST_NAME, Manifest, parse_manifest
from tools.release.contents import ReleaseWheel
from tools.release.names import PROJECT
from tools.wheel.check import PACKAGE

LIBRARIES: Final = "lib"
"""The directory of the archives and their description, for TEMPORAL_LIBS_DIR."""

# Files that are the same in every tarball.
_OWN: Final = Path(__file__).parent / "tarball"
# Files of the package that are useful without Python, with the same paths in the tarball.
_OF_PACKAGE: Final = (
    "include/*",
    "share/interface.json",
    "share/interface.schema.json",
    "share/manifest.schema.json",
    "share/worker-*.schema.json",
    "share/proto/*",
    "share/zig/bindings-*.zig",
)


def tarball_files(
    wheel: ReleaseWheel, stem: str, replaced: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """Return the content of each file, by its path below the tarball's top directory.

    Args:
        wheel: the wheel.
        stem: the tarball's name without its suffix.
        replaced: files that replace the archives and their description, by name.
    """
    with zipfile.ZipFile(wheel.file) as packed:
        files = {name: packed.read(member) for name, member in _members(wheel, packed)}
    for name, content in (replaced or {}).items():
        files[f"{LIBRARIES}/{name}"] = content
    files[f"share/sbom/{PROJECT}.cdx.json"] = wheel.read_sbom()
    files |= {file.name: file.read_bytes() for file in sorted(_OWN.iterdir())}
    manifest = parse_manifest(files[f"{LIBRARIES}/{MANIFEST_NAME}"].decode("utf-8"))
    return files | _for_build_systems(manifest, stem)


def _for_build_systems(manifest: Manifest, stem: str) -> dict[str, bytes]:
    places = Places(
        archives=PurePath("..", LIBRARIES),
        include=PurePath("..", "include"),
        protos=PurePath("proto"),
        source="tarball",
        fix=f"unpack {stem}.tar.gz again",
    )
    rendered = render_files(manifest, places)
    return {f"share/{path.as_posix()}": text.encode() for path, text in rendered.items()}


def _members(wheel: ReleaseWheel, packed: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield each file's path in the tarball and in the wheel.

    The wheel's files for build systems name the wheel as their source, so the tarball has others.
    """
    licenses = f"{wheel.dist_info}/licenses/"
    for member in packed.namelist():
        directory, _, name = member.rpartition("/")
        path = member.removeprefix(f"{PACKAGE}/")
        if not name:
            continue
        if directory == wheel.library_directory:
            yield f"{LIBRARIES}/{name}", member
        elif member.startswith(licenses):
            yield f"share/licenses/{member.removeprefix(licenses)}", member
        elif any(fnmatchcase(path, pattern) for pattern in _OF_PACKAGE):
            yield path, member
