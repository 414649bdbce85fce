"""The whole move, done in a clone. The changes are copied to the tree if everything succeeds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from packaging.version import Version

from tools import ToolError
from tools.bump.locations import PACKAGE, RUST, current, move
from tools.bump.registry import CORE, published_core
from tools.interface.changes import Change, changes, updated
from tools.interface.facts import facts

HEADER: Final = "temporal_static_libs/include/temporal-sdk-core-c-bridge.h"
_TABLE: Final = "tests/abi/c_abi.tsv"
_UNRELEASED: Final = "## [Unreleased]\n"
_CHANGED: Final = "### Changed\n"


def migrate(root: Path, version: str, *, allow_older: bool = False) -> str:
    """Move a checkout to another core; return a summary of what was done and what to check.

    Raises:
        ToolError: the move failed; the checkout does not change.
    """
    if _run(root, "git", "status", "--porcelain"):
        raise ToolError(f"{root} has uncommitted changes: commit or stash them first")
    before = current(root)
    if Version(version) == Version(before[CORE]):
        raise ToolError(f"the tree already has {CORE} {version}")
    if Version(version) < Version(before[CORE]) and not allow_older:
        raise ToolError(f"{CORE} {version} is older than {before[CORE]}, which the tree has")
    core = published_core(version)
    rust = max(before[RUST], core.rust_version, key=Version)
    versions = {**core.crates, PACKAGE: core.version, RUST: rust}
    with tempfile.TemporaryDirectory(prefix="bump-") as scratch:
        clone = Path(scratch, "clone")
        _run(root, "git", "clone", "--quiet", "--no-hardlinks", str(root), str(clone))
        move(clone, versions)
        # Only the workspace's crates and what the new versions require; all others stay.
        _run(clone / "rust", "cargo", "update", "--quiet", "--workspace")
        interface = _regenerate(clone)
        breaking = sum(change.breaking for change in interface)
        found = "as before"
        if interface:
            found = f"{len(interface)} changes, {breaking} of them breaking"
        entry = f"The archives have `{CORE}` {version} instead of {before[CORE]}. "
        changelog = clone / "CHANGELOG.md"
        text = with_entry(changelog.read_text("utf-8"), f"{entry}The C interface: {found}.")
        changelog.write_text(text, encoding="utf-8")
        _run(clone, "git", "add", "--all")
        files = _run(clone, "git", "diff", "--cached", "--name-only").splitlines()
        patch = Path(scratch, "patch")
        _run(clone, "git", "diff", "--cached", "--binary", f"--output={patch}")
        _run(root, "git", "apply", str(patch))
    moved = (subject for subject in before if before[subject] != versions[subject])
    lines = [f"{subject}: {before[subject]} -> {versions[subject]}" for subject in moved]
    lines += ["", "The C interface:"]
    lines += [f"- {change}" for change in interface] or ["- no difference"]
    lines += ["", "Changed:", *(f"  {file}" for file in files)]
    lines += ["", "Nothing has been compiled yet: review `git diff`, then run `make test`."]
    return "\n".join(lines)


def with_entry(changelog: str, entry: str) -> str:
    """Add an entry, given without the dash, to the changes since the last release.

    Raises:
        ToolError: the changelog has no heading for unreleased changes.
    """
    before, heading, rest = changelog.partition(_UNRELEASED)
    if not heading:
        raise ToolError(f"CHANGELOG.md has no line {_UNRELEASED.strip()!r} to add to")
    unreleased, separator, older = rest.partition("\n## ")
    item = f"- {entry}\n"
    if _CHANGED in unreleased:
        unreleased = unreleased.replace(f"{_CHANGED}\n", f"{_CHANGED}\n{item}", 1)
    else:
        there = f"\n{unreleased.strip()}\n" if unreleased.strip() else ""
        unreleased = f"{there}\n{_CHANGED}\n{item}"
    return f"{before}{heading}{unreleased}{separator}{older}"


def _regenerate(clone: Path) -> Sequence[Change]:
    _make(clone, "header")
    table = clone / _TABLE
    old, new = table.read_text(encoding="utf-8"), facts(clone / HEADER)
    found = changes(old.splitlines(), new)
    if found:
        table.write_text(updated(old, new), encoding="utf-8")
        # Its hash is the ABI ID, which is in the header.
        _make(clone, "header")
    _make(clone, "bindings")
    _make(clone, "licenses")
    return found


def _make(clone: Path, target: str) -> None:
    # Show its progress, because the first time, it compiles tools for minutes.
    _run(clone, "make", target, f"PYTHON={sys.executable}", show=True)


def _run(directory: Path, *command: str, show: bool = False) -> str:
    # This runs inside `make bump`, whose settings must not affect the makes that it starts.
    environ = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    output = None if show else subprocess.PIPE
    done = subprocess.run(
        command, cwd=directory, env=environ, stdout=output, stderr=output, text=True, check=False
    )
    if done.returncode != 0:
        said = "; its messages are above" if show else f":\n{done.stderr.strip()}"
        raise ToolError(f"{' '.join(command)} failed{said}")
    return done.stdout or ""
