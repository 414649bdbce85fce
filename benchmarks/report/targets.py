"""The targets of this project, and which measured figures show whether they are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.build import LINKED, WHEEL
from benchmarks.cli import PYTHON as INTERPRETER
from benchmarks.cli import REMEMBERED_LIBS, TOOL
from benchmarks.harness.child import latency_row
from benchmarks.harness.comparison import Comparison
from benchmarks.install import EMPTY, HIT_RATE, INSTALL, SPEEDS
from benchmarks.memory.benchmark import MEGABYTES, PYTHON_SDK, WITH_WORKFLOWS
from benchmarks.rpc.benchmark import C_ABI, CALLBACKS, PYTHON, QUEUE, half_load
from benchmarks.size import BOTH, DEFLATED, WHEEL_SIZE
from benchmarks.startup.benchmark import CONDITION as FROM_START
from benchmarks.startup.benchmark import TO_FIRST_ANSWER


@dataclass(frozen=True)
class Target:
    """A limit for a figure, or for the ratio of two figures of the same round.

    Attributes:
        name: what it is about.
        below: whether the figure should be less than `bound`, or more.
        bound: the limit, which itself does not meet the target.
        unit: of both; ``times`` for a ratio.
        benchmark: the one that measures it.
        quantity: of the comparisons to look at.
        condition: of the comparison to look at; None is all of them, and the worst counts.
        contender: whose median.
        missed: the reason, for a report in which the target is missed.
        over: the contender whose figures divide the contender's; None for no ratio.
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
    over: str | None = None

    def measured(self, results: Mapping[str, Sequence[Comparison]]) -> float | None:
        """The figure that decides, or None if it has not been measured."""
        values = [
            self._figure(comparison)
            for comparison in results.get(self.benchmark, ())
            if comparison.quantity == self.quantity
            and self.condition in (None, comparison.condition)
            and self.contender in comparison.samples
        ]
        if not values:
            return None
        return max(values) if self.below else min(values)

    def _figure(self, comparison: Comparison) -> float:
        if self.over is None:
            return comparison.median(self.contender)
        return comparison.ratio(self.over, self.contender).median

    def met(self, value: float) -> bool:
        """Whether a figure is on the right side of the bound."""
        return value < self.bound if self.below else value > self.bound

    def shown(self, value: float) -> str:
        """A figure with its unit."""
        return f"{value:.2f} times" if self.over else f"{value:.1f} {self.unit}"


TARGETS: Final = (
    Target(
        "build, pip install to a linked bridge, Zig's cache filled",
        *(True, 120, "s", "build", "seconds", LINKED, WHEEL),
        "From nothing to a linked bridge shows how the time divides between pip and Zig",
    ),
    *(
        Target(
            f"download, pip install over {speed}",
            *(True, 30, "s", "install", INSTALL, str(speed), EMPTY),
            "the wheel's size divided by the bandwidth is the lower limit",
        )
        for speed in SPEEDS
    ),
    Target(
        "cache hits, repeated installs",
        *(False, 90, "%", "install", HIT_RATE, None, "pip"),
        "pip fetched the wheel again, because of the index's headers or pip's cache",
    ),
    Target(
        "wheel, the largest that was built here",
        *(True, 50, "MB", "size", WHEEL_SIZE, None, "C ABI"),
        "Sizes shows how large the archives in it are",
    ),
    Target(
        "both archives, deflated, with the names of all functions",
        *(True, 14.9, "MB", "size", DEFLATED, BOTH, "C ABI"),
        "[Measurements](measurements.md#compiler-options) shows what takes how much",
    ),
    Target(
        "the same, as an aim",
        *(True, 12, "MB", "size", DEFLATED, BOTH, "C ABI"),
        "the names take 1.3 MB and the RPC switch 2 MB; "
        "[Measurements](measurements.md#size) lists what was tried",
    ),
    Target(
        "the command, `--libs` compared with an interpreter that does nothing",
        *(True, 2, "times", "cli", "ms per call", REMEMBERED_LIBS, TOOL),
        "starting Python is the lower limit; the rest is reading the manifest and the receipt",
        over=INTERPRETER,
    ),
    *(
        Target(
            f"latency at half load, {percentile}th percentile, compared with the Python client",
            *(True, 1, "times", "rpc", latency_row(percentile), half_load(PYTHON), C_ABI),
            "client and server share the processors, so the tail depends on their scheduling",
            over=PYTHON,
        )
        for percentile in ("50", "99", "99.9")
    ),
    Target(
        "CPU of a call with a completion queue, compared with callbacks",
        *(True, 1.5, "times", "rpc", "µs of CPU per call", None, QUEUE),
        "waking the thread that takes the answers costs the difference; CPU of a call has more",
        over=CALLBACKS,
    ),
    Target(
        "start to first answer, compared with the Python client",
        *(True, 0.5, "times", "startup", TO_FIRST_ANSWER, FROM_START, C_ABI),
        "connecting takes most of the time, and is the same in both",
        over="Python client",
    ),
    Target(
        "memory with cached workflows, compared with the Python SDK",
        *(True, 0.5, "times", "memory", MEGABYTES, WITH_WORKFLOWS, C_ABI),
        "Temporal's core keeps the workflows, and is the same in both",
        over=PYTHON_SDK,
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
        lines.append(f"| {target.name} | {bound} | {target.shown(value)} | {outcome} |")
    return "\n".join(lines)
