"""The figures that this project set out to reach, and which measured ones say whether it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.build import LINKED, WHEEL
from benchmarks.harness.comparison import Comparison
from benchmarks.install import EMPTY, HIT_RATE, INSTALL, SPEEDS
from benchmarks.size import WHEEL_SIZE


@dataclass(frozen=True)
class Target:
    """One of them.

    Attributes:
        name: what it is about.
        below: whether less than `bound` is wanted, or more.
        bound: the limit, itself not enough.
        unit: of both.
        benchmark: which one measures it.
        quantity: of the comparisons that do.
        condition: of the comparison that does; None is all of them, the worst of which counts.
        contender: whose median.
        missed: why, for the reader of a report in which it is missed.
    """

    name: str
    below: bool
    bound: float
    unit: str
    benchmark: str
    quantity: str
    condition: str | None
    contender: str
    missed: str

    def measured(self, results: Mapping[str, Sequence[Comparison]]) -> float | None:
        """The figure that decides, or None if it has not been measured."""
        values = [
            comparison.median(self.contender)
            for comparison in results.get(self.benchmark, ())
            if comparison.quantity == self.quantity
            and self.condition in (None, comparison.condition)
        ]
        if not values:
            return None
        return max(values) if self.below else min(values)

    def met(self, value: float) -> bool:
        """Whether a figure is on the right side of the bound."""
        return value < self.bound if self.below else value > self.bound


TARGETS: Final = (
    Target(
        "build, pip install to a linked bridge, Zig's cache filled",
        *(True, 120, "s", "build", "seconds", LINKED, WHEEL),
        "what takes the time, pip or Zig, is under From nothing to a linked bridge",
    ),
    *(
        Target(
            f"download, pip install over {speed}",
            *(True, 30, "s", "install", INSTALL, str(speed), EMPTY),
            "the wheel's size over the line's speed is the least that it takes",
        )
        for speed in SPEEDS
    ),
    Target(
        "cache hits, repeated installs",
        *(False, 90, "%", "install", HIT_RATE, None, "pip"),
        "pip fetched the wheel again, for which the index's headers or its cache are to blame",
    ),
    Target(
        "wheel, the largest that was built here",
        *(True, 50, "MB", "size", WHEEL_SIZE, None, "C ABI"),
        "the archives in it are as large as under Sizes",
    ),
)


def targets_table(
    results: Mapping[str, Sequence[Comparison]], targets: Sequence[Target] = TARGETS
) -> str:
    """The table of all targets, in Markdown.

    Args:
        results: benchmark to its comparisons.
        targets: those to show.
    """
    lines = ["| target | bound | measured | |", "| :-- | --: | --: | :-- |"]
    for target in targets:
        bound = f"{'<' if target.below else '>'} {target.bound:g} {target.unit}"
        value = target.measured(results)
        if value is None:
            lines.append(f"| {target.name} | {bound} | | not measured in this run |")
            continue
        outcome = "met" if target.met(value) else f"**missed**: {target.missed}"
        lines.append(f"| {target.name} | {bound} | {value:.1f} {target.unit} | {outcome} |")
    return "\n".join(lines)
