"""The C interface here, compared with the one in Temporal's Python package."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

from tools.interface.archive import read_bridge
from tools.interface.changes import Change, changes
from tools.interface.distribution import fetch
from tools.interface.errors import CannotCompareError
from tools.interface.foreign import foreign_facts
from tools.interface.pip_settings import pip_settings

PROJECT: Final = "temporalio"
_NO_CORE: Final = "because no Cargo.toml in the source distribution has its version"


@dataclass(frozen=True)
class Comparison:
    """How the C interface here differs from Temporal's.

    Attributes:
        version: of Temporal's Python package.
        newest: whether that is the newest version.
        core: the version of the core in it; None if its manifest is missing.
        place: of the header in its source distribution.
        facts: how many facts that header has.
        changes: from Temporal's interface to this one.
    """

    version: str
    newest: bool
    core: str | None
    place: str
    facts: int
    changes: list[Change]

    @property
    def breaks(self) -> bool:
        """Whether a program that is compiled against Temporal's header can break here."""
        return any(change.breaking for change in self.changes)

    def __str__(self) -> str:
        age = "the newest version" if self.newest else "not the newest version"
        core = f"temporalio-sdk-core {self.core}" if self.core else f"unknown, {_NO_CORE}"
        lines = [
            f"{PROJECT} {self.version}, {age}",
            f"core: {core}",
            f"header: {self.place}, {self.facts} facts",
        ]
        for title, how in (
            ("Temporal's header has, and this one lacks", "removed"),
            ("They differ in", "altered"),
            ("Only this header has", "added"),
        ):
            items = [_words(change) for change in self.changes if change.how == how]
            if items:
                lines += ["", f"{title}:", *(f"- {item}" for item in items)]
        verdict = (
            "A program compiled against Temporal's header can break with these libraries."
            if self.breaks
            else "A program compiled against Temporal's header works with these libraries."
        )
        return "\n".join([*lines, "", verdict])


def compare(ours: Path, version: str | None = None) -> Comparison:
    """Compare a header with Temporal's, of which nothing is kept.

    Args:
        ours: the header.
        version: of Temporal's Python package; None for the newest.

    Raises:
        CannotCompareError: it cannot be done; the message says why.
    """
    if version is not None:
        _check_version(version)
    header = _text(ours)
    with tempfile.TemporaryDirectory(prefix="upstream-") as scratch:
        distribution = fetch(PROJECT, version, pip_settings(), Path(scratch))
        bridge = read_bridge(distribution.file)
    theirs = foreign_facts(bridge.header, bridge.place)
    here = foreign_facts(header, str(ours))
    return Comparison(
        version=distribution.version,
        newest=distribution.newest,
        core=bridge.core,
        place=bridge.place,
        facts=len(theirs),
        # Whoever changes from Temporal's library to this one has been compiled against the former.
        changes=changes(theirs, here),
    )


def _check_version(version: str) -> None:
    try:
        Version(version)
    except InvalidVersion:
        raise CannotCompareError(
            f"{version!r} is no version\n  fix: pass one such as 1.34.0, or none for the newest"
        ) from None


def _text(header: Path) -> str:
    try:
        return header.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCompareError(
            f"{header} cannot be read: {error}\n  fix: run `make header`"
        ) from None


def _words(change: Change) -> str:
    if change.how == "altered":
        return f"{change.subject}, {change.aspect}: there {change.old}; here {change.new}"
    return change.subject
