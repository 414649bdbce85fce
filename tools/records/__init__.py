"""What builds and users have recorded: gathered, compared, drawn, summed up."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# The checkout's own package, whose table of targets and whose schema are meant.
sys.path.insert(0, str(ROOT))
