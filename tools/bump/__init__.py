"""``make bump``: to another published core, every place at once."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# For the facts of a C header, which the tests take from the same place.
sys.path.insert(0, str(ROOT / "tests" / "support"))
