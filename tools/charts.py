"""Style of this project's charts, and a function to write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.figure import Figure

#: Okabe and Ito's palette, which color-blind people can distinguish.
COLORS: Final = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000")
_STYLE: Final = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "temporal-static-libs",  # the same content always results in the same file
    "font.family": "sans-serif",
    "figure.facecolor": "white",  # also on a dark page
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
}


def draw(output: Path, make: Callable[[], Figure]) -> None:
    """Write the figure that `make` makes, in the format of the suffix of `output`."""
    with pyplot.rc_context(_STYLE):
        figure = make()
        try:
            figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)
        finally:
            pyplot.close(figure)
