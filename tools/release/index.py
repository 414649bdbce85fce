"""Comparing a release with the files that a package index already has.

An index is given by the URL for pip's ``--index-url``.
"""

from __future__ import annotations

import time
from pathlib import Path

import requests
from pypi_simple import NoSuchProjectError, PyPISimple

from temporal_static_libs._checksums import sha256_of
from tools import ToolError
from tools.release.names import PROJECT

# Seconds between two requests to an index that does not list everything yet.
_PAUSE = 10.0


def files_to_upload(index: str, version: str, dist: Path) -> list[Path]:
    """Return the files of `dist` that an index does not have.

    Existing files must be the same, and the index must have no others, because published files
    cannot be replaced.
    """
    published = _published_hashes(index, version)
    files = {file.name: file for file in sorted(dist.iterdir())}
    if foreign := sorted(published.keys() - files.keys()):
        raise ToolError(
            f"{index} has files of {PROJECT} {version} that are not in this release: "
            f"{', '.join(foreign)}; release a .postN"
        )
    for name, sha256 in published.items():
        if sha256 != (ours := sha256_of(files[name])):
            raise ToolError(
                f"{index} has another {name}: its SHA-256 is {sha256}, that of this release "
                f"{ours}; published files cannot be replaced: release a .postN"
            )
    return [file for name, file in files.items() if name not in published]


def wait_until_published(index: str, version: str, dist: Path, seconds: float) -> None:
    """Wait until an index lists the whole release, because uploads take a while to appear."""
    deadline = time.monotonic() + seconds
    while absent := files_to_upload(index, version, dist):
        if time.monotonic() >= deadline:
            names = ", ".join(file.name for file in absent)
            raise ToolError(f"{index} still does not list {names} after {seconds:.0f} s")
        time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))


def _published_hashes(index: str, version: str) -> dict[str, str | None]:
    """Return an index's files of a release, with the SHA-256 of each, or None without one."""
    try:
        with PyPISimple(index) as client:
            # Otherwise a cache may answer with the state before the upload.
            page = client.get_project_page(PROJECT, headers={"Cache-Control": "no-cache"})
    except NoSuchProjectError:
        return {}
    except requests.RequestException as error:
        raise ToolError(f"no response from {index}: {error}") from None
    return {
        package.filename: package.digests.get("sha256")
        for package in page.packages
        if package.version == version
    }
