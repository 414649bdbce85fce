"""Tools for developing and releasing the package, run from the root: `python -m tools.demo`."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout, or unpacked source distribution, that they work on."""
