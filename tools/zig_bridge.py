"""The Zig bridge in examples/, copied to be built outside the checkout."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tools import ROOT

ZIG_BRIDGE: Final = ROOT / "examples" / "zig-bridge"
ZIG_HELPER: Final = ROOT / "temporal_static_libs" / "share" / "zig" / "temporal_libs.zig"
"""The helper that `temporal-libs-config --zig` prints."""


def copy_zig_bridge(destination: Path) -> Path:
    """Copy the example with this checkout's helper to a new directory; return that directory."""
    ignore = shutil.ignore_patterns(".zig-cache", "zig-out")
    shutil.copytree(ZIG_BRIDGE, destination, ignore=ignore)
    shutil.copy(ZIG_HELPER, destination)
    return destination
