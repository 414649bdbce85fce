"""The machine that the figures come from."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int | None]:
    """The kind of machine, without anything that identifies it.

    Returns:
        ``cpu``: the model; ``cores``: how many this process may use; ``kernel``: system and
        release; ``python``: implementation and version.
    """
    return {
        "cpu": _cpu_model() or platform.processor() or platform.machine(),
        "cores": _cores(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpu_model() -> str | None:
    if not _CPUINFO.is_file():
        return None
    for line in _CPUINFO.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return None
