"""An SDK of stubs, to link programs for macOS against where there is no Mac."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import lief
from macos_floor import members

# How the names of the frameworks' functions and constants begin, unlike those of libSystem.
_OF_FRAMEWORKS = re.compile(r"_k?[A-Z]{2}")

_STUB = """\
--- !tapi-tbd
tbd-version: 4
targets: [ arm64-macos, x86_64-macos ]
install-name: '{install_name}'
exports:
  - targets: [ arm64-macos, x86_64-macos ]
    symbols: [ {symbols} ]
...
"""


def write_stubs(archives: Iterable[Path], frameworks: Sequence[str], sdk: Path) -> Path:
    """Write stubs that define what the archives need of the frameworks.

    Which framework defines what is not known here, so that each of them defines all of it.

    Args:
        archives: whose symbols are meant.
        frameworks: the names of the frameworks.
        sdk: the directory to make.

    Returns:
        The directory of the frameworks in it.
    """
    needed = sorted(
        str(symbol.name)
        for archive in archives
        for _, binary in members(archive)
        for symbol in binary.symbols
        if symbol.category == lief.MachO.Symbol.CATEGORY.UNDEFINED
        and _OF_FRAMEWORKS.match(str(symbol.name))
    )
    directory = sdk / "System" / "Library" / "Frameworks"
    for name in frameworks:
        framework = directory / f"{name}.framework"
        framework.mkdir(parents=True, exist_ok=True)
        install_name = f"/System/Library/Frameworks/{name}.framework/Versions/A/{name}"
        stub = _STUB.format(install_name=install_name, symbols=", ".join(dict.fromkeys(needed)))
        (framework / f"{name}.tbd").write_text(stub, encoding="ascii")
    return directory
