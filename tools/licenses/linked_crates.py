"""Which crates are compiled into the archives, for each platform: cargo itself is asked."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "temporal-static-libs-sdk-core"
"""The Cargo package that both archives are made of."""


@dataclass(frozen=True, order=True)
class Crate:
    """One crate by its name and version, as Cargo.lock has them."""

    name: str
    version: str

    def __str__(self) -> str:
        """The two, as in ``ring 0.17.14``."""
        return f"{self.name} {self.version}"


def linked_crates(workspace: Path, triple: str) -> frozenset[Crate]:
    """List the crates whose code is in the archives of one target, this project's own included.

    That is without build dependencies and without macros and what only they need: their code runs
    in the compiler.

    Args:
        workspace: the directory of the Cargo workspace.
        triple: Rust's target triple; its standard library need not be installed.

    Raises:
        subprocess.CalledProcessError: cargo failed, for example because Cargo.lock does not fit,
            or because it could not fetch the source of a crate that is not on this machine. What it
            says of that goes to stderr.
    """
    command = ["cargo", "tree", "--locked", "--package", PACKAGE, "--target", triple]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    done = subprocess.run(command, cwd=workspace, stdout=subprocess.PIPE, text=True, check=True)
    words = [line.split() for line in done.stdout.splitlines() if line]
    return frozenset(Crate(name, version.removeprefix("v")) for name, version, *_ in words)


def platforms_of_crates(
    workspace: Path, targets: Iterable[tuple[str, str]]
) -> dict[Crate, tuple[str, ...]]:
    """List the crates of several targets with the platforms that have each.

    Args:
        workspace: the directory of the Cargo workspace.
        targets: pairs of a platform's name and its target triple.

    Returns:
        Sorted by crate; the platforms of each in the order given.

    Raises:
        subprocess.CalledProcessError: as in `linked_crates`.
    """
    platforms: dict[Crate, tuple[str, ...]] = {}
    for platform, triple in targets:
        for crate in linked_crates(workspace, triple):
            platforms[crate] = (*platforms.get(crate, ()), platform)
    return dict(sorted(platforms.items()))
