"""The whole move: in a clone, whose changes come into the tree when all has gone well."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import Version

from tools.bump.changelog import with_entry
from tools.bump.errors import BumpError
from tools.bump.places import PACKAGE, RUST, current, move
from tools.bump.registry import CORE, Core, published_core
from tools.interface.changes import Change, changes, updated
from tools.interface.facts import facts

_TABLE: Final = "tests/abi/c_abi.tsv"
HEADER: Final = "temporal_static_libs/include/temporal-sdk-core-c-bridge.h"


@dataclass(frozen=True)
class Moved:
    """What has been done.

    Attributes:
        before: the version of each crate, and of Rust, as it was.
        after: the same now.
        interface: the changes of the C interface.
        files: those that have changed.
    """

    before: dict[str, str]
    after: dict[str, str]
    interface: list[Change]
    files: list[str]


def bump(root: Path, version: str, *, allow_older: bool = False) -> Moved:
    """Move a tree to another core. It stays as it is unless everything goes well.

    Args:
        root: the checkout, in which nothing is changed or new.
        version: the core's.
        allow_older: whether it may be older than the one that is there.

    Raises:
        BumpError: it cannot be done; the message says why.
    """
    if _run(root, "git", "status", "--porcelain"):
        raise BumpError(f"{root} has changes that are not committed: commit or stash them first")
    before = current(root)
    _check_newer(version, before[CORE], allow_older)
    core = published_core(version)
    with tempfile.TemporaryDirectory(prefix="bump-") as scratch:
        clone = Path(scratch, "clone")
        _run(root, "git", "clone", "--quiet", "--no-hardlinks", str(root), str(clone))
        after = _move(clone, core, before)
        interface = _regenerate(clone)
        _note(clone, before[CORE], version, interface)
        _run(clone, "git", "add", "--all")
        files = _run(clone, "git", "diff", "--cached", "--name-only").splitlines()
        patch = Path(scratch, "patch")
        _run(clone, "git", "diff", "--cached", "--binary", f"--output={patch}")
        _run(root, "git", "apply", str(patch))
    return Moved(before, after, interface, files)


def _check_newer(version: str, there: str, allow_older: bool) -> None:
    old = Version(there)
    new = Version(version)
    if new == old:
        raise BumpError(f"{CORE} {version} is the one that is there")
    if new < old and not allow_older:
        raise BumpError(f"{CORE} {version} is older than {there}, the one that is there")


def _move(clone: Path, core: Core, before: dict[str, str]) -> dict[str, str]:
    versions = {**core.crates, PACKAGE: core.version, RUST: before[RUST]}
    if Version(core.rust_version) > Version(before[RUST]):
        versions[RUST] = core.rust_version
    move(clone, versions)
    # The workspace's own crates and what the new versions ask for; all others stay.
    _run(clone / "rust", "cargo", "update", "--quiet", "--workspace")
    return {subject: versions[subject] for subject in before}


def _regenerate(clone: Path) -> list[Change]:
    _make(clone, "header")
    table = clone / _TABLE
    old, new = table.read_text(encoding="utf-8"), facts(clone / HEADER)
    found = changes(old.splitlines(), new)
    if found:
        table.write_text(updated(old, new), encoding="utf-8")
        # Its hash is the ABI id, which the header names.
        _make(clone, "header")
    _make(clone, "licenses")
    return found


def _note(clone: Path, old: str, new: str, interface: Sequence[Change]) -> None:
    breaking = sum(change.breaking for change in interface)
    told = f"{len(interface)} changes, {breaking} of them breaking" if interface else "as before"
    changelog = clone / "CHANGELOG.md"
    entry = f"The archives carry `{CORE}` {new}, before {old}. The C interface: {told}."
    changelog.write_text(with_entry(changelog.read_text(encoding="utf-8"), entry), encoding="utf-8")


def _make(clone: Path, target: str) -> None:
    # Its progress is to be seen: the first time the tools are compiled, which takes minutes.
    _run(clone, "make", target, f"PYTHON={sys.executable}", show=True)


def _run(directory: Path, *command: str, show: bool = False) -> str:
    # `make bump` is a make itself, whose settings are not for those that it runs.
    environ = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        command,
        cwd=directory,
        env=environ,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "; its messages are above" if show else f":\n{done.stderr.strip()}"
        raise BumpError(f"{' '.join(command)} failed{said}")
    return done.stdout or ""
