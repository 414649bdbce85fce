"""The C interface here, compared with the one in Temporal's Python package."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

from tools.interface.archive import Bridge, read_bridge
from tools.interface.changes import Change, changes
from tools.interface.distribution import SourceDistribution, fetch
from tools.interface.errors import CannotCompareError
from tools.interface.foreign import foreign_facts
from tools.interface.pip_settings import pip_settings

PROJECT: Final = "temporalio"
_TITLES: Final = {
    "removed": "Temporal's header has, and this one lacks",
    "altered": "They differ in",
    "added": "Only this header has",
}


@dataclass(frozen=True)
class Comparison:
    """How the C interface here differs from Temporal's.

    Attributes:
        distribution: Temporal's Python package; its file no longer exists.
        bridge: the C bridge in the distribution.
        facts: how many facts that header has.
        changes: from Temporal's interface to this one.
    """

    distribution: SourceDistribution
    bridge: Bridge
    facts: int
    changes: list[Change]

    @property
    def breaks(self) -> bool:
        """Whether a program that is compiled against Temporal's header can break here."""
        return any(change.breaking for change in self.changes)

    def __str__(self) -> str:
        version, core = self.distribution.version, self.bridge.core
        lines = [
            f"{PROJECT} {version}, {'' if self.distribution.newest else 'not '}the newest version",
            f"core: temporalio-sdk-core {core}"
            if core
            else "core: unknown, because no Cargo.toml in the source distribution has its version",
            f"header: {self.bridge.place}, {self.facts} facts",
        ]
        for how, title in _TITLES.items():
            items = [f"- {_words(change)}" for change in self.changes if change.how == how]
            if items:
                lines += ["", f"{title}:", *items]
        verdict = "can break" if self.breaks else "works"
        program = "A program compiled against Temporal's header"
        return "\n".join([*lines, "", f"{program} {verdict} with these libraries."])


def compare(ours: Path, version: str | None = None) -> Comparison:
    """Compare a header with that of a version, or the newest, of Temporal's Python package.

    Raises:
        CannotCompareError: they cannot be compared; the message says why.
    """
    try:
        if version is not None:
            Version(version)
        header = ours.read_text(encoding="utf-8")
    except InvalidVersion:
        raise CannotCompareError(
            f"{version!r} is not a version\n  fix: pass one such as 1.34.0, or none for the newest"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCompareError(
            f"{ours} cannot be read: {error}\n  fix: run `make header`"
        ) from None
    with tempfile.TemporaryDirectory(prefix="upstream-") as scratch:
        distribution = fetch(PROJECT, version, pip_settings(), Path(scratch))
        bridge = read_bridge(distribution.file)
    theirs = foreign_facts(bridge.header, bridge.place)
    # A program that switches from Temporal's library was compiled against Temporal's header.
    found = changes(theirs, foreign_facts(header, str(ours)))
    return Comparison(distribution, bridge, len(theirs), found)


def _words(change: Change) -> str:
    if change.how == "altered":
        return f"{change.subject}, {change.aspect}: there {change.old}; here {change.new}"
    return change.subject
