"""Checking a built and repaired wheel against the table of platforms."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from temporal_static_libs._manifest import MANIFEST_NAME, Manifest, parse_manifest
from temporal_static_libs._targets import Target
from tools import ToolError

PACKAGE: Final = "temporal_static_libs"


def lib_of(target: Target) -> str:
    """Return the directory of a platform's archives in its wheel."""
    return f"{PACKAGE}/{target.lib_directory}"


def archives_in(unpacked: Path) -> Path:
    """Return the directory of the archives in an unpacked wheel with a single set."""
    (manifest,) = Path(unpacked, PACKAGE, "lib").rglob(MANIFEST_NAME)
    return manifest.parent


def check_wheel(wheel: Path, target: Target, profile: str, commit: str) -> Manifest:
    """Check a wheel's tags, Cargo profile and unmodified commit; return its manifest."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            manifest = parse_manifest(archive.read(f"{lib_of(target)}/{MANIFEST_NAME}").decode())
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
            lines = archive.read(name).decode().splitlines()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ToolError(f"{wheel.name}: its {MANIFEST_NAME} cannot be read: {error}") from None
    tags = {f"py3-none-{tag}" for tag in target.wheel_tags}
    in_name = {str(tag) for tag in parse_wheel_filename(wheel.name)[3]}
    in_metadata = {line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")}
    check_facts(
        wheel,
        {
            "tags in its name": (in_name, tags),
            "tags in its WHEEL": (in_metadata, tags),
            "target": (manifest.target, target.triple),
            "Cargo profile": (manifest.cargo_profile, profile),
            "commit": (manifest.source_commit, commit),
        },
    )
    return manifest


def check_facts(file: Path, facts: Mapping[str, tuple[object, object]]) -> None:
    """Check that found and expected values, given as pairs, are equal."""
    for what, (found, wanted) in facts.items():
        if found != wanted:
            raise ToolError(f"{file.name}: its {what}: {found!r}, not {wanted!r}")
