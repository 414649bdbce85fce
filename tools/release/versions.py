"""Version of the project, which is the same wherever the tree states it."""

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
    """Return the version in pyproject.toml, which all others are compared with."""
    version: str = _read(root / "pyproject.toml")["project"]["version"]
    return version


def check_versions(root: Path) -> str:
    """Hold a source tree to one version.

    Returns:
        The version in pyproject.toml, with the ``.postN`` that a repackaging of a core has.
    """
    version = project_version(root)
    core = Version(version).base_version
    for place, found in _core_versions(root).items():
        if found != core:
            raise ToolError(
                f"pyproject.toml has version {version}, but {place} has {found}: "
                "set both to the version of the core that is to be released"
            )
    return version


def _core_versions(root: Path) -> dict[str, str]:
    """Read the version of Temporal's core, by the place that states it."""
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
