"""One version everywhere."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

import temporal_static_libs
from temporal_static_libs._archives import HEADER
from temporal_static_libs._build.header import read_header
from temporal_static_libs._locate import locate


@pytest.fixture(scope="module")
def version(repo_root: Path) -> str:
    """The version in pyproject.toml, which all others are compared with."""
    return one_match(repo_root / "pyproject.toml", r'^version = "(.+)"$')


@pytest.fixture(scope="module")
def core_version(version: str) -> str:
    """The same less `.postN`, which a repackaging of the same crates adds."""
    return Version(version).base_version


def one_match(file: Path, pattern: str) -> str:
    """The only match of a pattern's group."""
    (found,) = re.findall(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def test_core_crate_in_the_lock_file(repo_root: Path, core_version: str) -> None:
    pattern = r'^name = "temporalio-sdk-core"\nversion = "(.+)"$'
    assert one_match(repo_root / "rust" / "Cargo.lock", pattern) == core_version


def test_core_crate_that_the_workspace_asks_for(repo_root: Path, core_version: str) -> None:
    pattern = r'^temporalio-sdk-core = \{ version = "=(.+?)"'
    assert one_match(repo_root / "rust" / "Cargo.toml", pattern) == core_version


def test_workspace(repo_root: Path, core_version: str) -> None:
    pattern = r'^\[workspace\.package\]\nversion = "(.+)"$'
    assert one_match(repo_root / "rust" / "Cargo.toml", pattern) == core_version


def test_header(core_version: str) -> None:
    assert read_header(HEADER).version == core_version


def test_package(version: str) -> None:
    assert temporal_static_libs.__version__ == version
    assert importlib.metadata.version("temporal-static-libs") == version


def test_manifest(version: str) -> None:
    assert locate({}).manifest.version == version


def test_wheel_file(wheel: Path, version: str) -> None:
    assert wheel.name.startswith(f"temporal_static_libs-{version}-")
    with zipfile.ZipFile(wheel) as archive:
        assert f"temporal_static_libs-{version}.dist-info/METADATA" in archive.namelist()


def test_archives(core_version: str) -> None:
    """They define a symbol that spells the header's version and ABI id."""
    in_force = locate({})
    symbol = f"temporal_static_libs_{core_version.replace('.', '_')}_abi_{in_force.manifest.abi}"
    for library in in_force.manifest.libraries:
        done = subprocess.run(
            ["nm", "--defined-only", "--extern-only", in_force.archive(library)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert f" {symbol}\n" in done.stdout, library.file
