"""The pictures of a report, of a width that a page shows whole: 720 pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib import pyplot
from matplotlib.figure import Figure

from benchmarks.build import LINKED
from benchmarks.harness.comparison import Comparison
from benchmarks.install import INSTALL
from tools.charts import COLORS, draw

#: Of each picture: the text for who does not see it.
ALTERNATIVES: Final[Mapping[str, str]] = {
    "time-saved.svg": "Time to a linked Zig bridge: pip install compared with compiling the core",
    "install-time.svg": "Seconds of pip install by bandwidth, with pip's cache empty and filled",
}
_INCHES: Final = 7.5
_Measured = Mapping[str, Sequence[Comparison]]


def draw_pictures(measured: _Measured, directory: Path) -> list[Path]:
    """Draw what has been measured; of what has not, there is no picture.

    Args:
        measured: benchmark to its comparisons.
        directory: where the files go.

    Returns:
        The files.
    """
    made = []
    for name, figure in _PICTURES.items():
        if rows := _rows(measured, name):
            output = directory / name
            draw(output, lambda rows=rows, figure=figure: figure(rows))  # type: ignore[misc]
            made.append(output)
    return made


def _rows(measured: _Measured, name: str) -> list[Comparison]:
    if name == "time-saved.svg":
        # A picture of one bar would not say what is saved.
        found = (c for c in measured.get("build", ()) if c.condition == LINKED)
        return [comparison for comparison in found if comparison.others]
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
    figure, axes = pyplot.subplots(figsize=(_INCHES, 3.2), layout="constrained")
    names = list(rows[0].samples)
    width = 0.8 / len(names)
    for place, (name, colour) in enumerate(zip(names, COLORS, strict=False)):
        values = [row.median(name) for row in rows]
        at = [number + (place - (len(names) - 1) / 2) * width for number in range(len(rows))]
        bars = axes.bar(at, values, width, color=colour, label=name)
        axes.bar_label(bars, [f"{value:.1f}" for value in values], padding=2)
    axes.set_xticks(range(len(rows)), [row.condition for row in rows])
    axes.set_title("pip install, seconds", loc="left")
    axes.legend(frameon=False)
    axes.margins(y=0.12)
    return figure


def duration(seconds: float) -> str:
    """Minutes and seconds for people, as in ``12 min 5 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


_PICTURES: Final[Mapping[str, Callable[[Sequence[Comparison]], Figure]]] = {
    "time-saved.svg": _time_saved,
    "install-time.svg": _install_time,
}
