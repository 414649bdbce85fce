"""``make cross``: the wheels of all platforms, made and tried on one machine."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# The checkout's own package, whose table and whose way to find a toolchain are meant.
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
