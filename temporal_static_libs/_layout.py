"""Where a wheel has its archives: in ``lib``, or for Windows in one directory for each toolchain.

The content of the wheel decides, not the machine: a wheel for Windows can be unpacked anywhere.

Imports little, because the fastest answers of `temporal-libs-config` for Windows need this module.
"""

from __future__ import annotations

import os

TOOLCHAINS = ("gnu", "msvc")
"""The toolchains for Windows, as at the end of Rust's target triples; the default first."""

_MANIFEST = "manifest.json"  # `_manifest.MANIFEST_NAME`; that module takes long to load


def toolchain_of(name: str) -> str | None:
    """Return the toolchain of a target triple or a platform name; None if not for Windows."""
    words = name.split("-")
    return words[-1] if "windows" in words and words[-1] in TOOLCHAINS else None


def toolchain_directories(lib: str) -> dict[str, str]:
    """Return the directory of the archives for each toolchain, the default first.

    Args:
        lib: the ``lib`` directory of a package.

    Returns:
        Toolchain to absolute path; empty if the archives are in ``lib`` itself.
    """
    if os.path.lexists(os.path.join(lib, _MANIFEST)):
        return {}
    try:
        found = {toolchain_of(name): name for name in os.listdir(lib)}
    except OSError:  # reading the manifest reports it better
        return {}
    return {it: os.path.join(lib, found[it]) for it in TOOLCHAINS if it in found}
