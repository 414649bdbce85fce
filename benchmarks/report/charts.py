"""The charts of a report, 720 pixels wide so that a page shows them whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib import pyplot
from matplotlib.figure import Figure

from benchmarks.build import LINKED
from benchmarks.harness.child import PERCENTILES, latency_row
from benchmarks.harness.comparison import Comparison
from benchmarks.install import INSTALL
from benchmarks.rpc.benchmark import PYTHON, half_load
from tools.charts import COLORS, draw

#: File to the text for readers who do not see the chart.
ALTERNATIVES: Final[Mapping[str, str]] = {
    "time-saved.svg": "Time to a linked Zig bridge: pip install compared with compiling the core",
    "install-time.svg": "Seconds of pip install by bandwidth, with pip's cache empty and filled",
    "latency.svg": "Latency of a call at half load: C ABI compared with the Python client",
}
_INCHES: Final = 7.5
_Measured = Mapping[str, Sequence[Comparison]]


def draw_charts(measured: _Measured, directory: Path) -> list[Path]:
    """Draw what has been measured.

    Args:
        measured: benchmark to its comparisons.
        directory: where the files go.

    Returns:
        The files; there is none for what has not been measured.
    """
    made = []
    for name, figure in _CHARTS.items():
        if rows := _rows(measured, name):
            output = directory / name
            draw(output, lambda rows=rows, figure=figure: figure(rows))  # type: ignore[misc]
            made.append(output)
    return made


def _rows(measured: _Measured, name: str) -> list[Comparison]:
    if name == "time-saved.svg":
        # A chart of one bar would not show what is saved.
        found = (c for c in measured.get("build", ()) if c.condition == LINKED)
        return [comparison for comparison in found if comparison.others]
    if name == "latency.svg":
        rows = [latency_row(percentile) for percentile in PERCENTILES]
        found = (c for c in measured.get("rpc", ()) if c.quantity in rows)
        return [comparison for comparison in found if comparison.condition == half_load(PYTHON)]
    return [c for c in measured.get("install", ()) if c.quantity == INSTALL]


def _time_saved(rows: Sequence[Comparison]) -> Figure:
    (comparison,) = rows
    figure, axes = pyplot.subplots(figsize=(_INCHES, 1.9), layout="constrained")
    names = list(comparison.samples)[::-1]
    bars = axes.barh(
        [{"compile": "compile\nthe core"}.get(name, name) for name in names],
        [comparison.median(name) / 60 for name in names],
        color=[COLORS[2], COLORS[0]],
        height=0.6,
    )
    axes.bar_label(bars, [duration(comparison.median(name)) for name in names], padding=4)
    axes.set_title("From nothing to a linked Zig bridge, minutes", loc="left")
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.16)
    return figure


def _install_time(rows: Sequence[Comparison]) -> Figure:
    values = {row.condition: {name: row.median(name) for name in row.samples} for row in rows}
    return _groups_of_bars("pip install, seconds", values, "{:.1f}")


def _latency(rows: Sequence[Comparison]) -> Figure:
    values = {
        f"{percentile}%": {name: row.median(name) / 1e3 for name in row.samples}
        for percentile, row in zip(PERCENTILES, rows, strict=True)
    }
    title = "Percentiles of a call's latency at half load, milliseconds"
    return _groups_of_bars(title, values, "{:.2f}")


def _groups_of_bars(title: str, values: Mapping[str, Mapping[str, float]], label: str) -> Figure:
    """A group for each condition, with a bar for each contender.

    Args:
        title: of the chart.
        values: condition to contender to figure.
        label: format of a figure.
    """
    figure, axes = pyplot.subplots(figsize=(_INCHES, 3.2), layout="constrained")
    names = list(next(iter(values.values())))
    width = 0.8 / len(names)
    for place, (name, color) in enumerate(zip(names, COLORS, strict=False)):
        heights = [group[name] for group in values.values()]
        at = [number + (place - (len(names) - 1) / 2) * width for number in range(len(values))]
        bars = axes.bar(at, heights, width, color=color, label=name)
        axes.bar_label(bars, [label.format(height) for height in heights], padding=2)
    axes.set_xticks(range(len(values)), list(values))
    axes.set_title(title, loc="left")
    axes.legend(frameon=False)
    axes.margins(y=0.12)
    return figure


def duration(seconds: float) -> str:
    """Minutes and seconds, such as ``12 min 5 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


_CHARTS: Final[Mapping[str, Callable[[Sequence[Comparison]], Figure]]] = {
    "time-saved.svg": _time_saved,
    "install-time.svg": _install_time,
    "latency.svg": _latency,
}
