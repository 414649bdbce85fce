"""Published versions, found by cargo's resolver in the registry that cargo is configured for."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from tools import ToolError

CORE: Final = "temporalio-sdk-core"

# Uses the resolver that ignores the installed Rust, to find all published versions.
_MANIFEST: Final = """\
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
resolver = "2"

[workspace]

[dependencies]
{core} = {{ version = "{requirement}", default-features = false }}
"""


@dataclass(frozen=True)
class Core:
    """A published core.

    Attributes:
        version: its version.
        crates: the version of each of Temporal's crates that it is built with, including its own.
        rust_version: the oldest Rust that can compile all of them, such as ``1.88``.
    """

    version: str
    crates: dict[str, str]
    rust_version: str


def newest_core() -> Core:
    """Return the newest core that is not a prerelease; a `ToolError` if cargo cannot find it."""
    return _resolve("*", "cargo cannot find the newest core")


def published_core(version: str) -> Core:
    """Return the core of a version; a `ToolError` if it or its dependencies are not published."""
    return _resolve(f"={version}", f"{CORE} {version} is unavailable")


def _resolve(requirement: str, problem: str) -> Core:
    with tempfile.TemporaryDirectory(prefix="bump-") as scratch:
        Path(scratch, "src").mkdir()
        Path(scratch, "src", "lib.rs").touch()
        manifest = _MANIFEST.format(core=CORE, requirement=requirement)
        Path(scratch, "Cargo.toml").write_text(manifest, encoding="utf-8")
        command = ["cargo", "metadata", "--quiet", "--format-version", "1"]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{problem}; output of cargo:\n{done.stderr.strip()}")
    packages: list[dict[str, Any]] = json.loads(done.stdout)["packages"]
    temporal = [package for package in packages if package["name"].startswith("temporalio-")]
    crates = {package["name"]: str(package["version"]) for package in temporal}
    newest = max((str(package["rust_version"] or "1.0") for package in temporal), key=Version)
    return Core(crates[CORE], crates, newest.removesuffix(".0"))
