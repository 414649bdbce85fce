"""A chart of a history: the sizes of wheels and the durations of their builds, by release."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Final

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from temporal_static_libs._targets import TARGETS
from tools import ToolError
from tools.charts import COLORS, draw
from tools.records.build import Build
from tools.records.history import History

_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")


def draw_trend(history: History, output: Path) -> None:
    """Draw a history to a file, in the format of its suffix.

    Raises:
        ToolError: there is nothing to draw.
    """
    if not history.releases:
        raise ToolError("the history has no release yet: there is nothing to draw")
    draw(output, lambda: _figure(history))


def _figure(history: History) -> Figure:
    width = min(14.0, 7.5 + 0.5 * len(history.releases))
    figure, (sizes, durations) = pyplot.subplots(
        2, 1, figsize=(width, 7), sharex=True, layout="constrained"
    )
    _draw(sizes, history, lambda build: (build.wheel_size or 0) / 1e6)
    _draw(durations, history, lambda build: build.seconds / 60)
    sizes.set_title("Wheel, MB", loc="left")
    durations.set_title("Build, minutes", loc="left")
    durations.set_xticks(
        range(len(history.releases)), [release.version for release in history.releases]
    )
    if len(history.releases) > 10:
        durations.tick_params("x", labelrotation=45)
    durations.set_xlim(-0.5, len(history.releases) - 0.5)
    handles, labels = sizes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure


def _draw(axes: Axes, history: History, value: Callable[[Build], float]) -> None:
    for target, color, marker in zip(TARGETS, COLORS, _MARKERS, strict=True):
        builds = [
            (place, build)
            for place, release in enumerate(history.releases)
            for build in release.builds
            if build.platform == target.platform
        ]
        if builds:
            places = [place for place, _ in builds]
            # The line has a gap for a failed build.
            values = [value(build) if build.outcome == "ok" else nan for _, build in builds]
            axes.plot(places, values, color=color, marker=marker, label=target.platform)
        failed = [place for place, build in builds if build.outcome != "ok"]
        if failed:
            label = f"{target.platform}, failed"
            (crosses,) = axes.plot(failed, [0] * len(failed), "x", color=color, label=label)
            crosses.set(markersize=9, markeredgewidth=2.5, clip_on=False)
    axes.set_ylim(0, max(1.0, axes.get_ylim()[1]) * 1.05)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, min_n_ticks=3))
