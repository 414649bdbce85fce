"""The results, as JSON for programs and as Markdown for readers."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.benchmark import Result
from benchmarks.harness.comparison import Comparison, Ratio
from benchmarks.harness.libraries import Libraries
from benchmarks.harness.load import load_warning
from benchmarks.report.charts import ALTERNATIVES
from benchmarks.report.targets import targets_table

# With more, a table is too wide to read, and the ratios go below the figures.
_MOST_RATIO_COLUMNS: Final = 2


@dataclass(frozen=True)
class Report:
    """One run.

    Attributes:
        date: the day it began, as YYYY-MM-DD.
        machine: `harness.machine.machine`, and ``load_average``: that of the minute before.
        wheel: facts about the wheel.
        libraries: the archives under test, those of the wheel first.
        rounds: samples of each contender.
        quick: it was a look rather than a measurement.
        results: those of each benchmark.
    """

    date: str
    machine: Mapping[str, Any]
    wheel: Mapping[str, Any]
    libraries: Sequence[Libraries]
    rounds: int
    quick: bool
    results: Sequence[Result]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, as Python objects, without paths of the machine."""
        return {
            "date": self.date,
            "machine": dict(self.machine),
            "wheel": dict(self.wheel),
            "archives": {
                libraries.label: [asdict(archive) for archive in libraries.archives]
                for libraries in self.libraries
            },
            "rounds": self.rounds,
            "quick": self.quick,
            "benchmarks": {
                result.benchmark.name: [each.to_dict() for each in result.comparisons]
                for result in self.results
            },
            "notes": {
                result.benchmark.name: list(result.notes) for result in self.results if result.notes
            },
            "loads": {
                result.benchmark.name: [asdict(load) for load in result.loads]
                for result in self.results
            },
        }

    @property
    def measured(self) -> Mapping[str, Sequence[Comparison]]:
        """Benchmark to its comparisons."""
        return {result.benchmark.name: result.comparisons for result in self.results}

    def to_markdown(self, charts: Sequence[str] = ()) -> str:
        """The report in Markdown, from a heading of the second level on.

        Args:
            charts: their paths, relative to the file that will contain the report.
        """
        parts = [
            f"## Measured {self.date}\n\n{self._circumstances()}",
            f"### Targets\n\n{targets_table(self.measured)}",
            *(f"![{ALTERNATIVES[Path(chart).name]}]({chart})" for chart in charts),
        ]
        for result in self.results:
            about = " ".join((result.benchmark.about, *result.notes))
            parts.append(f"### {result.benchmark.title}\n\n{about}")
            if warning := load_warning(result.loads):
                parts.append(f"**Doubtful:** {warning}.")
            # One table for all comparisons in a row that have the same contenders.
            for _, alike in groupby(
                result.comparisons, key=lambda comparison: tuple(comparison.samples)
            ):
                parts.append(_table(list(alike)))
        return "\n\n".join(parts) + "\n"

    def _circumstances(self) -> str:
        machine, wheel = self.machine, self.wheel
        lines = [
            f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, "
            f"{machine['python']}",
            f"- Other work: {self._other_work()}",
            f"- Wheel: {wheel['version']}, {wheel['platform']}, profile {wheel['cargo_profile']}",
        ]
        for libraries in self.libraries:
            sizes = (f"{a.component} {a.size / 1e6:.1f} MB" for a in libraries.archives)
            lines.append(f"- Archives, {libraries.label}: {', '.join(sizes)}")
        quick = "; a quick run, too short to draw conclusions from" if self.quick else ""
        lines.append(
            f"- Medians of {self.rounds} rounds, contenders in turn{quick}; each ratio is the "
            "median of the rounds' ratios, with the lowest and the highest in parentheses"
        )
        return "\n".join(lines)

    def _other_work(self) -> str:
        before = f"load average {self.machine['load_average']:.2f} before the run"
        others = [load.others for result in self.results for load in result.loads]
        if not others:
            return before
        return (
            f"{before}; in the rounds, other processes used {statistics.median(others):.1%} of the "
            f"processors' time (median), {max(others):.1%} at most"
        )


def _table(comparisons: Sequence[Comparison]) -> str:
    first = comparisons[0]
    narrow = len(first.others) > _MOST_RATIO_COLUMNS
    head = ["", *first.samples]
    if not narrow:
        head += [f"{first.subject} ÷ {other}" for other in first.others]
    rows = [head, [":--", *("--:" for _ in head[1:])]]
    for comparison in comparisons:
        figures = {name: _figure(comparison.median(name)) for name in comparison.samples}
        ratios = {other: _ratio(comparison.ratio(other)) for other in comparison.others}
        if narrow:
            cells = [figures[comparison.subject]]
            cells += [f"{figures[other]}<br>{ratio}" for other, ratio in ratios.items()]
        else:
            cells = [*figures.values(), *ratios.values()]
        rows.append([f"{comparison.quantity}, {comparison.condition}", *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"Below each figure: {first.subject} ÷ the contender.\n\n{table}" if narrow else table


def _ratio(ratio: Ratio) -> str:
    return f"**{ratio.median:.2f}** ({ratio.lowest:.2f} to {ratio.highest:.2f})"


def _figure(value: float) -> str:
    """Three significant digits; more would be noise."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"
