"""What a package index has of a release already."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import requests
from pypi_simple import NoSuchProjectError, PyPISimple

from temporal_static_libs._checksums import sha256_of
from tools.release import ReleaseError
from tools.release.names import PROJECT

# Between two looks at an index that does not list everything yet, in seconds.
_PAUSE = 10.0


def published_hashes(index: str, version: str) -> dict[str, str | None]:
    """Ask an index, by the simple repository API (PEP 503, PEP 691).

    Args:
        index: the address that pip takes as ``--index-url``.
        version: of the release.

    Returns:
        The file names of the release that it has, each with its SHA-256, or None if it tells none.

    Raises:
        ReleaseError: it does not answer.
    """
    try:
        with PyPISimple(index) as client:
            # Else what stands between may answer from before the upload.
            page = client.get_project_page(PROJECT, headers={"Cache-Control": "no-cache"})
    except NoSuchProjectError:
        return {}
    except requests.RequestException as error:
        raise ReleaseError(f"{index} does not answer: {error}") from None
    return {
        package.filename: package.digests.get("sha256")
        for package in page.packages
        if package.version == version
    }


def files_to_upload(index: str, version: str, dist: Path) -> list[Path]:
    """Compare a release with what an index has of it.

    Args:
        index: the address that pip takes as ``--index-url``.
        version: of the release.
        dist: the directory of its files.

    Returns:
        Those that it does not have.

    Raises:
        ReleaseError: it has another file of the same name, or one that the release has not: what
            was published cannot be replaced.
    """
    published = published_hashes(index, version)
    files = {file.name: file for file in sorted(dist.iterdir())}
    if foreign := sorted(published.keys() - files.keys()):
        raise ReleaseError(
            f"{index} has files of {PROJECT} {version} that are not in this release: "
            f"{', '.join(foreign)}; release a .postN"
        )
    for name, sha256 in published.items():
        if sha256 != (ours := sha256_of(files[name])):
            raise ReleaseError(
                f"{index} has another {name}: its SHA-256 is {sha256}, that of this release "
                f"{ours}; what was published cannot be replaced: release a .postN"
            )
    return [file for name, file in files.items() if name not in published]


def copy_files_to_upload(index: str, version: str, dist: Path, output: Path) -> list[Path]:
    """Put what an index does not have of a release into a directory by itself.

    Args:
        index: the address that pip takes as ``--index-url``.
        version: of the release.
        dist: the directory of its files.
        output: a directory, which is made.

    Returns:
        The files.

    Raises:
        ReleaseError: the index has something else of that name.
    """
    files = files_to_upload(index, version, dist)
    output.mkdir(parents=True)
    return [Path(shutil.copyfile(file, output / file.name)) for file in files]


def wait_until_published(index: str, version: str, dist: Path, seconds: float) -> None:
    """Wait until an index lists all of a release: an upload takes a while to be seen everywhere.

    Args:
        index: the address that pip takes as ``--index-url``.
        version: of the release.
        dist: the directory of its files.
        seconds: how long to wait at most.

    Raises:
        ReleaseError: it does not by then, or has something else of that name.
    """
    deadline = time.monotonic() + seconds
    while absent := files_to_upload(index, version, dist):
        if time.monotonic() >= deadline:
            names = ", ".join(file.name for file in absent)
            raise ReleaseError(f"{index} does not list {names} after {seconds:.0f} s")
        time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
