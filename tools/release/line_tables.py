"""A platform's second set: the wheel's archives with line tables, from the same build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from temporal_static_libs._checksums import parse_checksums, sha256_of
from temporal_static_libs._manifest import CHECKSUMS_NAME, MANIFEST_NAME, parse_manifest
from tools import ToolError
from tools.release.contents import ReleaseWheel
from tools.wheel.check import check_facts

# An object with line tables contains the name of their section once.
_SECTION = b".debug_line"


def read_line_tables(directory: Path, wheel: ReleaseWheel) -> dict[str, bytes]:
    """Check a set against its platform's wheel and its own manifest; return its files."""
    try:
        files = {file.name: file.read_bytes() for file in directory.iterdir()}
        manifest = parse_manifest(files[MANIFEST_NAME].decode("utf-8"))
        checksums = parse_checksums(files[CHECKSUMS_NAME].decode("ascii"))
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"{directory}: no archives with line tables: {error!r}") from None
    archives = {one.file: one.component for one in wheel.manifest.libraries}
    found = {one.file: one.component for one in manifest.libraries}
    recorded = {one.file: one.sha256 for one in manifest.libraries}
    check_facts(
        directory,
        {
            "build": (replace(manifest, libraries=()), replace(wheel.manifest, libraries=())),
            "files": (files.keys(), {CHECKSUMS_NAME, MANIFEST_NAME, *archives}),
            "archives": (found, archives),
            CHECKSUMS_NAME: (checksums, recorded),
        },
    )
    for one in manifest.libraries:
        facts = (len(files[one.file]), sha256_of(directory / one.file))
        check_facts(directory, {f"{one.file}, size and SHA-256": (facts, (one.size, one.sha256))})
        if _SECTION not in files[one.file]:
            raise ToolError(f"{directory / one.file} has no line tables")
    return files
