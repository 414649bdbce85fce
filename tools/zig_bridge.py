"""The Zig bridge of examples/, for whoever builds it elsewhere than in the checkout."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tools import ROOT

ZIG_BRIDGE: Final = ROOT / "examples" / "zig-bridge"


def copy_zig_bridge(destination: Path) -> Path:
    """Copy the example without what a build in it has left.

    Args:
        destination: directory to make.

    Returns:
        The destination.
    """
    ignore = shutil.ignore_patterns(".zig-cache", "zig-out")
    return Path(shutil.copytree(ZIG_BRIDGE, destination, ignore=ignore))
