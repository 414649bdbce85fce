"""The version is the same everywhere."""

from __future__ import annotations

import importlib.metadata
import subprocess
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

import temporal_static_libs
from temporal_static_libs._build.header import read_header
from temporal_static_libs._library_set import HEADER
from temporal_static_libs._settings import Settings
from temporal_static_libs._sources import prepare
from tools.release.versions import check_versions, project_version


@pytest.fixture(scope="module")
def version(repo_root: Path) -> str:
    """The version in pyproject.toml, with which all others are compared."""
    return project_version(repo_root)


@pytest.fixture(scope="module")
def core_version(version: str) -> str:
    """The version without `.postN`, which a repackaging of the same crates adds."""
    return Version(version).base_version


def test_source_tree(repo_root: Path, version: str) -> None:
    """pyproject.toml, Cargo.lock, Cargo.toml and the header, as a release compares them."""
    assert check_versions(repo_root) == version


def test_header(core_version: str) -> None:
    assert read_header(HEADER).version == core_version


def test_package(version: str) -> None:
    assert temporal_static_libs.__version__ == version
    assert importlib.metadata.version("temporal-static-libs") == version


def test_manifest(version: str) -> None:
    assert prepare(Settings({})).manifest.version == version


def test_wheel_file(wheel: Path, version: str) -> None:
    assert wheel.name.startswith(f"temporal_static_libs-{version}-")
    with zipfile.ZipFile(wheel) as archive:
        assert f"temporal_static_libs-{version}.dist-info/METADATA" in archive.namelist()


def test_archives(core_version: str) -> None:
    """They define a symbol that contains the header's version and ABI ID."""
    loaded = prepare(Settings({}))
    symbol = f"temporal_static_libs_{core_version.replace('.', '_')}_abi_{loaded.manifest.abi}"
    for library in loaded.manifest.libraries:
        done = subprocess.run(
            ["nm", "--defined-only", "--extern-only", loaded.archive(library)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert f" {symbol}\n" in done.stdout, library.file
