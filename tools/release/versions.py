"""The one version, wherever the tree states it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli
from packaging.version import Version

from temporal_static_libs._build.header import read_header
from temporal_static_libs._errors import TemporalStaticLibsError
from tools.release import ReleaseError

CORE_CRATE = "temporalio-sdk-core"
HEADER = Path("temporal_static_libs", "include", "temporal-sdk-core-c-bridge.h")


def project_version(root: Path) -> str:
    """The version in pyproject.toml, which all others are compared with."""
    version: str = _read(root / "pyproject.toml")["project"]["version"]
    return version


def core_versions(root: Path) -> dict[str, str]:
    """The version of Temporal's core, by the place that states it.

    Args:
        root: of the source tree.

    Raises:
        ReleaseError: a place does not state it, or more than once.
    """
    lock = [
        package["version"]
        for package in _read(root / "rust" / "Cargo.lock")["package"]
        if package["name"] == CORE_CRATE
    ]
    if len(lock) != 1:
        raise ReleaseError(f"rust/Cargo.lock has {len(lock)} versions of {CORE_CRATE}, not one")
    workspace = _read(root / "rust" / "Cargo.toml")["workspace"]
    try:
        header = read_header(root / HEADER).version
    except TemporalStaticLibsError as error:
        raise ReleaseError(str(error)) from None
    return {
        f"{CORE_CRATE} in rust/Cargo.lock": lock[0],
        f"{CORE_CRATE} in rust/Cargo.toml": (
            workspace["dependencies"][CORE_CRATE]["version"].removeprefix("=")
        ),
        "the workspace in rust/Cargo.toml": workspace["package"]["version"],
        f"TEMPORAL_STATIC_LIBS_VERSION in {HEADER.name}": header,
    }


def check_versions(root: Path) -> str:
    """Hold the tree to one version.

    Args:
        root: of the source tree.

    Returns:
        The version in pyproject.toml, with the ``.postN`` that a repackaging of a core has.

    Raises:
        ReleaseError: another place states another; the message names it.
    """
    version = project_version(root)
    core = Version(version).base_version
    for place, found in core_versions(root).items():
        if found != core:
            raise ReleaseError(
                f"pyproject.toml has version {version}, but {place} has {found}: "
                "set both to the version of the core that is to be released"
            )
    return version


def _read(file: Path) -> dict[str, Any]:
    return tomli.loads(file.read_text(encoding="utf-8"))
