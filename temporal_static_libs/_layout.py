"""Where a wheel has its archives: in ``lib``, or for Windows in a directory for each toolchain.

The content of the wheel decides, not the machine: a wheel for Windows can be unpacked on any other.

This module imports little: the fastest answers of `temporal-libs-config` for Windows need it.
"""

from __future__ import annotations

import os

TOOLCHAINS = ("gnu", "msvc")
"""Toolchains of Windows that archives can be for, as Rust's triple ends; the default first."""

_MANIFEST = "manifest.json"  # `_manifest.MANIFEST_NAME`, whose module takes long to load


def toolchain_of(name: str) -> str | None:
    """Return the toolchain that a target triple, or a platform, is for; None if not for Windows."""
    words = name.split("-")
    return words[-1] if "windows" in words and words[-1] in TOOLCHAINS else None


def toolchain_directories(lib: str) -> dict[str, str]:
    """Return the directory of archives for each toolchain, the default's first.

    Args:
        lib: the directory ``lib`` of a package.

    Returns:
        Toolchain to absolute path; nothing if the archives are in ``lib`` itself.
    """
    if os.path.lexists(os.path.join(lib, _MANIFEST)):
        return {}
    try:
        found = {toolchain_of(name): name for name in os.listdir(lib)}
    except OSError:  # which reading the manifest reports better
        return {}
    return {it: os.path.join(lib, found[it]) for it in TOOLCHAINS if it in found}
