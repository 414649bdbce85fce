"""The project's version, which must be the same everywhere in the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli
from packaging.version import Version

from temporal_static_libs._build.header import read_header
from temporal_static_libs._errors import TemporalStaticLibsError
from tools import ToolError

CORE_CRATE = "temporalio-sdk-core"
HEADER = Path("temporal_static_libs", "include", "temporal-sdk-core-c-bridge.h")


def project_version(root: Path) -> str:
    """Return the version in pyproject.toml, with which all others are compared."""
    version: str = _read(root / "pyproject.toml")["project"]["version"]
    return version


def check_versions(root: Path) -> str:
    """Check that a source tree has only one version.

    Returns:
        The version in pyproject.toml, including the ``.postN`` of a repackaging.
    """
    version = project_version(root)
    core = Version(version).base_version
    for place, found in _core_versions(root).items():
        if found != core:
            raise ToolError(
                f"pyproject.toml has version {version}, but {place} has {found}: "
                "set both to the core's version"
            )
    return version


def _core_versions(root: Path) -> dict[str, str]:
    """Return the versions of Temporal's core in the tree, by place."""
    packages = _read(root / "rust" / "Cargo.lock")["package"]
    lock = [package["version"] for package in packages if package["name"] == CORE_CRATE]
    if len(lock) != 1:
        raise ToolError(f"rust/Cargo.lock has {len(lock)} versions of {CORE_CRATE}, not one")
    workspace = _read(root / "rust" / "Cargo.toml")["workspace"]
    pin: str = workspace["dependencies"][CORE_CRATE]["version"]
    try:
        header = read_header(root / HEADER).version
    except TemporalStaticLibsError as error:
        raise ToolError(str(error)) from None
    return {
        f"{CORE_CRATE} in rust/Cargo.lock": lock[0],
        f"{CORE_CRATE} in rust/Cargo.toml": pin.removeprefix("="),
        "the workspace in rust/Cargo.toml": workspace["package"]["version"],
        f"TEMPORAL_STATIC_LIBS_VERSION in {HEADER.name}": header,
    }


def _read(file: Path) -> dict[str, Any]:
    return tomli.loads(file.read_text(encoding="utf-8"))
