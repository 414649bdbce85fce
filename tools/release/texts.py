"""Texts of a release: changelog entry, notes on GitHub, requirements file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from temporal_static_libs._about import DOCS_URL
from temporal_static_libs._checksums import sha256_of
from tools import ToolError
from tools.release.distributions import Distributions
from tools.release.names import PROJECT

_NOTES: Final = """\
{entry}

## Platforms

| platform | oldest system | wheel |
|---|---|---|
{rows}
{missing}
## Install

    pip install {project}=={version}

The other files are for builds without pip: tarballs for Zig, CMake, make and pkg-config, shared \
libraries for languages that load one, and an artifact bundle for Swift Package Manager. [Release \
files]({docs}/release-files.md) shows how to use each.

The checksum of `{bundle}`, for `.binaryTarget`, is `{checksum}`.
"""


def changelog_entry(changelog: str, version: str) -> str:
    """Return the text below a version's dated heading, in the format of Keep a Changelog."""
    pattern = rf"^## \[{re.escape(version)}\](?P<date>.*)(?P<entry>(?s:.*?))(?=^## \[|\Z)"
    found = re.search(pattern, changelog, re.MULTILINE)
    heading = f"'## [{version}] - YYYY-MM-DD'"
    if found is None:
        raise ToolError(
            f"CHANGELOG.md has no entry for {version}: "
            f"move the entries under [Unreleased] below the heading {heading}"
        )
    if not re.fullmatch(r" - \d{4}-\d{2}-\d{2}", found["date"]):
        raise ToolError(f"CHANGELOG.md: the heading for {version} has no date: write {heading}")
    if not (entry := found["entry"].strip()):
        raise ToolError(f"CHANGELOG.md: the entry for {version} is empty")
    return entry


def release_notes(entry: str, distributions: Distributions, version: str, bundle: Path) -> str:
    """Return the notes in Markdown, starting with the changelog's entry.

    Args:
        entry: the changelog's entry.
        distributions: the files for the index.
        version: the package's version.
        bundle: the artifact bundle.
    """
    rows = [
        f"| {wheel.target.platform} | {wheel.target.floor_name} {wheel.manifest.floor_version} "
        f"| `{wheel.file.name}` |"
        for wheel in distributions.wheels
    ]
    missing = (
        f"\nThis release has no wheel for {', '.join(distributions.missing)}: its build failed. "
        "There, pip uses the source distribution, which it compiles.\n"
        if distributions.missing
        else ""
    )
    return _NOTES.format(
        entry=entry,
        rows="\n".join(rows),
        missing=missing,
        project=PROJECT,
        version=version,
        docs=DOCS_URL,
        bundle=bundle.name,
        checksum=sha256_of(bundle),
    )


def requirements(distributions: Distributions, version: str) -> str:
    """Return a file for ``pip install --require-hashes`` with exactly the release's wheels."""
    hashes = [f"--hash=sha256:{sha256_of(wheel.file)}" for wheel in distributions.wheels]
    return " \\\n    ".join([f"{PROJECT}=={version}", *hashes]) + "\n"
