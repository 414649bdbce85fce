"""An SDK of stubs, to link programs for macOS without a Mac."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import lief

from tools.wheel.floor import members

# Prefixes of the frameworks' functions and constants, which libSystem's do not have.
_OF_FRAMEWORKS = re.compile(r"_k?[A-Z]")

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
# Libraries for which Zig has its own stub.
_STUBS_OF_ZIG = {"System", "c", "m"}


def write_sdk(
    archives: Iterable[Path], frameworks: Sequence[str], libraries: Sequence[str], sdk: Path
) -> tuple[str, ...]:
    """Write stubs that define what the archives need from the frameworks.

    It is unknown which framework defines what, so each stub defines everything. The libraries,
    given by link names, are only named on the command line; nothing in them is used.

    Returns:
        The compiler flags to find them.
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
        install_name = f"/System/Library/Frameworks/{name}.framework/Versions/A/{name}"
        _write_stub(directory / f"{name}.framework" / f"{name}.tbd", install_name, needed)
    for name in set(libraries) - _STUBS_OF_ZIG:
        _write_stub(sdk / "usr" / "lib" / f"lib{name}.tbd", f"/usr/lib/lib{name}.dylib", [])
    return f"-F{directory}", f"-L{sdk / 'usr' / 'lib'}"


def _write_stub(file: Path, install_name: str, symbols: Iterable[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    names = ", ".join(dict.fromkeys(symbols))
    file.write_text(_STUB.format(install_name=install_name, symbols=names), encoding="ascii")
