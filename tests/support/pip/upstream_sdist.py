"""Source distributions with a C header, like those of Temporal's Python package."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

HEADER = "temporal-sdk-core-c-bridge.h"
CRATES = "temporalio/bridge/sdk-core/crates"
PLACE = f"{CRATES}/sdk-core-c-bridge/include/{HEADER}"
CORE = f"{CRATES}/sdk-core/Cargo.toml"


def bridge(header: str, core: str = "0.9.0") -> dict[str, str]:
    """The files of a source distribution: a header and the manifest of a core."""
    return {PLACE: header, CORE: f'[package]\nname = "temporalio-sdk-core"\nversion = "{core}"\n'}


def make_upstream_sdist(directory: Path, version: str, files: Mapping[str, str]) -> Path:
    """Make a source distribution.

    Args:
        directory: where to put it; created if it is missing.
        version: the package's version.
        files: texts by path.
    """
    directory.mkdir(parents=True, exist_ok=True)
    archive = directory / f"temporalio-{version}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for place, text in files.items():
            content = text.encode()
            member = tarfile.TarInfo(f"temporalio-{version}/{place}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def use_settings(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Make pip use only these settings.

    Args:
        monkeypatch: sets the environment.
        settings: variables, named without their prefix.
    """
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name, value in settings.items():
        monkeypatch.setenv(f"PIP_{name}", value)


def use_directory(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Make pip find only the files in a directory."""
    use_settings(monkeypatch, NO_INDEX="1", FIND_LINKS=str(directory))
