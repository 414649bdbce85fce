"""The artifact bundle for Swift Package Manager: the archives of every platform with Swift.

It has the format of SE-0482, "Binary Static Library Dependencies". Swift 6.2 and newer read it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from temporal_static_libs._checksums import format_checksums, sha256_of
from temporal_static_libs._components import DEFAULT_COMPONENT
from temporal_static_libs._targets import Target
from tools.release.contents import ReleaseWheel
from tools.release.names import COMPRESSION, PROJECT, bundle_stem_of
from tools.release.versions import HEADER

ARTIFACT: Final = f"temporal-{DEFAULT_COMPONENT.name}"
MODULE_MAP: Final = Path(__file__).parent / "swift" / "module.modulemap"

# By the kind of a platform's floor. Platforms with another kind of floor have no Swift.
_TRIPLES: Final = {
    "glibc": "{processor}-unknown-linux-gnu",
    "musl": "{processor}-swift-linux-musl",
    "macos": "{processor}-apple-macosx",
}
# Apple's names of processors.
_APPLE: Final = {"aarch64": "arm64"}
_DATE: Final = (2020, 2, 2, 0, 0, 0)
_FILE: Final = 0o100644 << 16


def swift_triple(target: Target) -> str | None:
    """Return Swift's name for a platform; None if there is no Swift for it."""
    form = _TRIPLES.get(target.floor_name)
    if form is None:
        return None
    processor = target.processor
    if target.floor_name == "macos":
        processor = _APPLE.get(processor, processor)
    return form.format(processor=processor)


def make_artifact_bundle(wheels: Sequence[ReleaseWheel], directory: Path) -> Path:
    """Make a release's bundle, and next to it the file for `sha256sum -c`.

    The bytes depend only on the wheels.

    Args:
        wheels: the release's wheels, which have the same version and header.
        directory: the directory for both files.

    Returns:
        Its path. Its SHA-256 is also what ``swift package compute-checksum`` prints.
    """
    stem = bundle_stem_of(wheels[0].manifest.version)
    bundle, checksum = directory / f"{stem}.zip", directory / f"{stem}.sha256"
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as packed:
        for name, content in _files(wheels).items():
            entry = zipfile.ZipInfo(f"{stem}/{name}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Otherwise it would be that of the current system.
            entry.create_system, entry.external_attr = 3, _FILE
            packed.writestr(entry, content)
    checksum.write_text(format_checksums({bundle.name: sha256_of(bundle)}), encoding="ascii")
    return bundle


def _files(wheels: Sequence[ReleaseWheel]) -> dict[str, bytes]:
    """Return the content of each file by its path in the bundle, the description first."""
    include = "include"
    variants, archives = [], {}
    for wheel in wheels:
        if (triple := swift_triple(wheel.target)) is None:
            continue
        (library,) = [
            one for one in wheel.manifest.libraries if one.component == DEFAULT_COMPONENT.name
        ]
        path = f"{triple}/{library.file}"
        with zipfile.ZipFile(wheel.file) as packed:
            archives[path] = packed.read(f"{wheel.library_directory}/{library.file}")
        metadata = {"headerPaths": [include], "moduleMapPath": f"{include}/{MODULE_MAP.name}"}
        variants.append(
            {"path": path, "supportedTriples": [triple], "staticLibraryMetadata": metadata}
        )
    with zipfile.ZipFile(wheels[0].file) as packed:
        header = packed.read(HEADER.as_posix())
        licenses = {
            name.removeprefix(f"{wheels[0].dist_info}/"): packed.read(name)
            for name in packed.namelist()
            if name.startswith(f"{wheels[0].dist_info}/licenses/")
        }
    info: dict[str, Any] = {
        "schemaVersion": "1.0",
        "artifacts": {
            ARTIFACT: {
                "type": "staticLibrary",
                "version": semantic_version(wheels[0].manifest.version),
                "variants": variants,
            }
        },
    }
    return {
        "info.json": f"{json.dumps(info, indent=2)}\n".encode(),
        f"{include}/{HEADER.name}": header,
        f"{include}/{MODULE_MAP.name}": MODULE_MAP.read_bytes(),
        **archives,
        **licenses,
        f"{PROJECT}.cdx.json": wheels[0].read_sbom(),
    }


def semantic_version(version: str) -> str:
    """Convert a Python version to Swift's format: ``1.2.3.post4`` becomes ``1.2.3+post4``."""
    parsed = Version(version)
    return f"{parsed.base_version}{'' if parsed.post is None else f'+post{parsed.post}'}"
