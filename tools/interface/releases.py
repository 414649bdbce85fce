"""The interface of Temporal's own C bridge in its releases, each with a table of facts.

Temporal ships that bridge's header in the source distribution of its Python package, and nowhere
else, so the package's versions name the tables. `tools.interface.facts` made them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tools import ROOT
from tools.interface.renames import renamed_types
from tools.interface.rows import Row, rows_of, type_names

TABLES = ROOT / "tests" / "abi" / "upstream"


@dataclass(frozen=True)
class Release:
    """A release of Temporal's Python package whose header has its own table.

    Attributes:
        version: the release that the table was read from.
        alike: the releases with the same facts, in words.
        core: the versions of `temporalio-sdk-core` with this interface, in words.
        shown_by: a name in the header of this and later releases, but in no earlier one;
            empty for the first.
    """

    version: str
    alike: str
    core: str
    shown_by: str

    @property
    def short(self) -> str:
        """Return the version without its patch level."""
        return self.version.rpartition(".")[0]

    def rows(self) -> list[Row]:
        """Read the table."""
        table = TABLES / f"temporalio-{self.version}.tsv"
        return rows_of(table.read_text(encoding="utf-8").splitlines())


RELEASES: Final = (
    Release("1.18.0", "1.18.0", "before 0.1", ""),
    Release("1.20.0", "1.20.0", "0.1", "task_types"),
    Release("1.23.0", "1.21.0 to 1.23.0", "0.1", "temporal_core_client_update_binary_metadata"),
    Release("1.24.0", "1.24.0", "0.1", "TemporalCoreConnectionOptions"),
    Release("1.29.0", "1.29.0", "0.4", "grpc_compression"),
    Release("1.31.0", "1.31.0", "0.5", "payloads_warn_size"),
    Release("1.34.0", "1.32.0 to 1.34.0", "0.6 to 0.10", "TemporalCoreRuntimeInfo"),
    Release("1.35.0", "1.35.0", "between 0.10 and 0.11", "startup_timeout_millis"),
)
"""Oldest first; `alike` names only releases whose header was read."""

CURRENT: Final = next(release for release in RELEASES if release.version == "1.34.0")
"""The release whose interface this package has. Its table is `tests/abi/c_abi.tsv`."""


def implemented() -> tuple[Release, ...]:
    """Return the releases up to the one whose interface this package has."""
    return RELEASES[: RELEASES.index(CURRENT) + 1]


def old_names() -> dict[str, str]:
    """Return the types that only had another name in releases before this interface, old to new.

    Current names of types are not included, whatever they named before.
    """
    names: dict[str, str] = {}
    tables = [release.rows() for release in implemented()]
    for old, new in pairwise(tables):
        renamed = renamed_types(old, new)
        names = {before: renamed.get(after, after) for before, after in names.items()} | renamed
    today = type_names(tables[-1])
    return {old: new for old, new in sorted(names.items()) if new in today and old not in today}
