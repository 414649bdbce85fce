"""Style of this project's charts, and a function to write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.figure import Figure

#: Okabe and Ito's palette: color-blind people can distinguish it, on a dark page all but the last.
COLORS: Final = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000")
_PAGE, _TEXT, _GRID = "#ffffff", "#000000", "#dddddd"
_STYLE: Final = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "temporal-static-libs",  # the same content always results in the same file
    "font.family": "sans-serif",
    "figure.facecolor": _PAGE,
    "axes.facecolor": _PAGE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _GRID,
    "axes.axisbelow": True,
}
#: The colors on a dark page, which are those of docs/images/internals.svg.
_DARK: Final = {_PAGE: "#0d1117", _TEXT: "#f0f6fc", _GRID: "#30363d"}


def draw(output: Path, make: Callable[[], Figure]) -> None:
    """Write the figure that `make` makes, in the format of the suffix of `output`.

    An SVG file follows the reader's preference for light or dark pages, also as an image.
    """
    svg = output.suffix == ".svg"
    with pyplot.rc_context(_STYLE):
        figure = make()
        try:
            figure.savefig(output, metadata={"Date": None} if svg else None)
        finally:
            pyplot.close(figure)
    if svg:
        _follow_the_page(output)


def _follow_the_page(file: Path) -> None:
    rules = [f"text {{ fill: {_DARK[_TEXT]} }}"]
    rules += [
        # Stronger than Matplotlib's colors, which are in style attributes.
        f'[style*="{kind}: {light}"] {{ {kind}: {dark} !important }}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
    ]
    media = f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("</style>", f"{media}</style>", 1), encoding="utf-8")
