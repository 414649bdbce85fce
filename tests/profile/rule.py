"""Which crates get opt-level 3: the rule, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import tomli

from tests.profile.crates import Origin

FAST: Final = "3"
SMALL: Final = "s"
THRESHOLD: Final = 0.015
"""The smallest share of a workload that gives a crate opt-level 3.

Even if a crate's code takes a third more time when it is compiled for size, a crate below this
share slows down no workload by more than 0.5 %. The rounds of ``make bench`` differ by more.
"""
FEWEST_SAMPLES: Final = 2000
"""Samples in the library that a workload needs, so that the standard error at the threshold is
below 0.3 percentage points."""


@dataclass(frozen=True)
class Levels:
    """The opt-levels of a profile in Cargo.toml.

    Attributes:
        named: of the packages that have a line, by name.
        members: names of the packages of the workspace, which ``"*"`` does not apply to.
        others: of all other packages: the line ``"*"``, or the profile's level.
        default: the profile's level.
    """

    named: Mapping[str, str]
    members: frozenset[str]
    others: str
    default: str

    @classmethod
    def read(cls, cargo_toml: str, members: frozenset[str], profile: str = "release") -> Levels:
        """Read them.

        Args:
            cargo_toml: the text of the workspace's Cargo.toml.
            members: names of the workspace's packages.
            profile: its name.
        """
        table: dict[str, Any] = tomli.loads(cargo_toml)["profile"][profile]
        default = str(table.get("opt-level", FAST))
        packages = {
            name: str(values["opt-level"])
            for name, values in table.get("package", {}).items()
            if "opt-level" in values
        }
        return cls(packages, members, packages.pop("*", default), default)

    def of(self, package: str) -> str:
        """Give the level of a package."""
        if package in self.named:
            return self.named[package]
        return self.default if package in self.members else self.others


@dataclass(frozen=True)
class Decision:
    """What the rule gives a crate.

    Attributes:
        package: its name.
        shares: of the library's samples, by workload.
        current: its level now.
        level: its level by the rule.
    """

    package: str
    shares: Mapping[str, float]
    current: str
    level: str

    @property
    def largest(self) -> float:
        """The largest share."""
        return max(self.shares.values(), default=0.0)

    @property
    def mean(self) -> float:
        """The mean share."""
        return sum(self.shares.values()) / len(self.shares) if self.shares else 0.0


def shares(samples: Mapping[str, Mapping[Origin, int]]) -> dict[Origin, dict[str, float]]:
    """Turn samples into shares.

    Args:
        samples: in the library, by workload and origin.

    Returns:
        The share of a workload's samples, by origin and workload; 0 where there are none.
    """
    origins = sorted({it for counted in samples.values() for it in counted}, key=str)
    totals = {workload: sum(counted.values()) for workload, counted in samples.items()}
    return {
        origin: {
            workload: counted.get(origin, 0) / totals[workload] if totals[workload] else 0.0
            for workload, counted in samples.items()
        }
        for origin in origins
    }


def decide(of_origins: Mapping[Origin, Mapping[str, float]], levels: Levels) -> list[Decision]:
    """Apply the rule: opt-level 3 for a crate that has `THRESHOLD` or more in any workload.

    Args:
        of_origins: shares by origin and workload.
        levels: the present ones.

    Returns:
        The decisions, the largest share first: about each crate that has a level and was seen or
        has a line.
    """
    seen = {origin.name: values for origin, values in of_origins.items() if origin.has_level}
    workloads = next(iter(of_origins.values()), {}).keys()
    nothing = dict.fromkeys(workloads, 0.0)
    decisions = []
    for package in sorted(seen.keys() | levels.named.keys()):
        values = seen.get(package, nothing)
        fast = max(values.values(), default=0.0) >= THRESHOLD
        level = FAST if fast else SMALL
        decisions.append(Decision(package, values, levels.of(package), level))
    return sorted(decisions, key=lambda it: (-it.largest, it.package))


@dataclass(frozen=True)
class Changes:
    """What changes in Cargo.toml.

    Attributes:
        added: lines to add.
        dropped: lines to drop.
        left: the largest sum of the shares of all crates with `SMALL`, and its workload.
    """

    added: list[str]
    dropped: list[str]
    left: tuple[float, str]


def changes(decisions: list[Decision], levels: Levels) -> Changes:
    """Compare the decisions with Cargo.toml."""
    added, dropped = [], []
    for it in sorted(decisions, key=lambda it: it.package):
        if it.current == it.level:
            continue
        line = f"{it.package}.opt-level"
        if it.package in levels.named:
            dropped.append(_line(line, levels.named[it.package]))
        without = levels.default if it.package in levels.members else levels.others
        if it.level != without:
            added.append(_line(line, it.level))
    sums: dict[str, float] = {}
    for it in decisions:
        if it.level == SMALL:
            for workload, share in it.shares.items():
                sums[workload] = sums.get(workload, 0.0) + share
    workload = max(sums, key=lambda name: sums[name], default="")
    return Changes(added, dropped, (sums.get(workload, 0.0), workload))


def _line(key: str, level: str) -> str:
    return f"{key} = {level}" if level.isdigit() else f'{key} = "{level}"'
