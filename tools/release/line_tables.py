"""The second set of a platform: the wheel's archives with line tables, from the same build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._manifest import MANIFEST_NAME, parse_manifest
from tools import ToolError
from tools.release.contents import ReleaseWheel
from tools.wheel.check import check_facts


def read_line_tables(directory: Path, wheel: ReleaseWheel) -> dict[str, bytes]:
    """Hold a set to the wheel of its platform, and to its own manifest; return its files."""
    try:
        manifest = parse_manifest((directory / MANIFEST_NAME).read_text(encoding="utf-8"))
        files = {file.name: file.read_bytes() for file in directory.iterdir()}
    except (OSError, ValueError) as error:
        raise ToolError(f"{directory}: no archives with line tables: {error}") from None
    build = (replace(manifest, libraries=()), replace(wheel.manifest, libraries=()))
    names = {one.file for one in wheel.manifest.libraries}
    archives = ({file for file in files if file.endswith(".a")}, names)
    check_facts(directory, {"build": build, "archives": archives})
    for one in manifest.libraries:
        found = sha256_of(directory / one.file)
        check_facts(directory, {f"{one.file}, SHA-256": (found, one.sha256)})
    return files
