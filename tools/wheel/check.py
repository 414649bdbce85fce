"""Holds a wheel that was built and repaired to the table of platforms."""

from __future__ import annotations

import zipfile
from pathlib import Path

from packaging.utils import parse_wheel_filename

from temporal_static_libs._manifest import MANIFEST_NAME, Manifest, parse_manifest
from temporal_static_libs._targets import Target


class WheelError(Exception):
    """A wheel is not what it has to be. The message names the wheel and what is wrong."""


def read_wheel_manifest(wheel: Path) -> Manifest:
    """The manifest that a wheel carries.

    Raises:
        WheelError: the file is no wheel of this project, or its manifest is damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(f"temporal_static_libs/lib/{MANIFEST_NAME}").decode()
        return parse_manifest(text)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise WheelError(f"{wheel.name}: its {MANIFEST_NAME} cannot be read: {error}") from None


def check_wheel(wheel: Path, target: Target, profile: str, commit: str) -> Manifest:
    """Hold a wheel to the table of platforms, and to what it was made from.

    Args:
        wheel: the wheel.
        target: the platform that it must be tagged for.
        profile: the Cargo profile that it must be made with.
        commit: the commit that it must be made from, with no change.

    Returns:
        What it says of its archives.

    Raises:
        WheelError: something is different.
    """
    expected = {f"py3-none-{tag}" for tag in target.wheel_tags}
    in_name = {str(tag) for tag in parse_wheel_filename(wheel.name)[3]}
    manifest = read_wheel_manifest(wheel)
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        lines = archive.read(metadata).decode().splitlines()
    in_metadata = {line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")}
    facts = {
        "tags in its name": (in_name, expected),
        "tags in its WHEEL": (in_metadata, expected),
        "target": (manifest.target, target.triple),
        "Cargo profile": (manifest.cargo_profile, profile),
        "commit": (manifest.source_commit, commit),
    }
    for what, (found, wanted) in facts.items():
        if found != wanted:
            raise WheelError(f"{wheel.name}: its {what}: {found!r}, not {wanted!r}")
    return manifest
