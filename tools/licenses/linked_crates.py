"""Crates that are compiled into the archives for each platform, according to cargo itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = "temporal-static-libs-sdk-core"
"""The Cargo package that both archives are made from."""


class Crate(NamedTuple):
    """A crate's name and version, as in Cargo.lock."""

    name: str
    version: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Crate:
        """Read both from a tool's description of a crate."""
        return cls(values["name"], values["version"])

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def linked_crates(workspace: Path, triple: str) -> frozenset[Crate]:
    """List the crates whose code is in the archives of a target, including this project's.

    Build dependencies, macros, and what only they need are not included, because their code runs in
    the compiler.

    Args:
        workspace: the directory of the Cargo workspace. Its Cargo.lock must be up to date; cargo
            fetches missing sources.
        triple: Rust's target triple; its standard library need not be installed.
    """
    command = ["cargo", "tree", "--locked", "--package", PACKAGE, "--target", triple]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    output = subprocess.check_output(command, cwd=workspace, text=True)
    words = [line.split() for line in output.splitlines() if line]
    return frozenset(Crate(name, version.removeprefix("v")) for name, version, *_ in words)


def platforms_of_crates(
    workspace: Path, targets: Iterable[tuple[str, str]]
) -> dict[Crate, tuple[str, ...]]:
    """Return the crates, sorted, each with its platforms.

    The targets are pairs of a platform's name and its target triple.
    """
    platforms: dict[Crate, tuple[str, ...]] = {}
    for platform, triple in targets:
        for crate in linked_crates(workspace, triple):
            platforms[crate] = (*platforms.get(crate, ()), platform)
    return dict(sorted(platforms.items()))
