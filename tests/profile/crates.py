"""From an address in a linked program to the crate whose opt-level the code there has."""

from __future__ import annotations

import bisect
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

STANDARD_LIBRARY: Final = "standard library"
PROGRAM: Final = "program"
"""Code of the program around the library, which has no line tables."""

_ASSEMBLERS: Final = {0x8001}
"""``DW_LANG_Mips_Assembler``, which GNU as and LLVM give every assembly file."""
_REGISTRY_CRATE: Final = re.compile(r"/cargo/src/(.+?)-\d+\.\d+\.\d+[^/]*(?:/|$)")
_RUST_UNIT: Final = re.compile(r"/@/(\w+)\.[0-9a-f]+-cgu\.\d+$")
_OF_THE_TOOLCHAIN: Final = ("/rustc/", "/rust/deps/")
_RUST_SYMBOL: Final = re.compile(r"_R[A-Z]|_ZN.*17h[0-9a-f]{16}E|rust_eh_personality")


@dataclass(frozen=True)
class Origin:
    """Where code comes from.

    Attributes:
        name: the package of a crate, `STANDARD_LIBRARY` or `PROGRAM`.
        assembly: whether it is assembly.
    """

    name: str
    assembly: bool = False

    @property
    def has_level(self) -> bool:
        """Whether an opt-level in Cargo.toml changes it."""
        return not self.assembly and self.name not in (STANDARD_LIBRARY, PROGRAM)

    def __str__(self) -> str:
        return f"{self.name} (assembly)" if self.assembly else self.name


def origin_of_unit(
    name: str, directory: str, language: int | None, packages: Mapping[str, str]
) -> Origin:
    """Find the origin of a DWARF compile unit.

    Args:
        name: ``DW_AT_name``: for Rust ``src/lib.rs/@/CRATE.HASH-cgu.N``, which is the crate that
            instantiated the code; for C and assembly, the source file.
        directory: ``DW_AT_comp_dir``.
        language: ``DW_AT_language``.
        packages: names of packages by their names as crates.
    """
    path = posixpath.join(directory, name)
    if path.startswith(_OF_THE_TOOLCHAIN):
        return Origin(STANDARD_LIBRARY)
    assembly = language in _ASSEMBLERS
    if found := _REGISTRY_CRATE.match(path):
        return Origin(found[1], assembly)
    if found := _RUST_UNIT.search(path):
        return Origin(packages.get(found[1], found[1]), assembly)
    return Origin(PROGRAM, assembly)


def origin_of_symbol(name: str | None) -> Origin:
    """Find the origin of code without line tables.

    All crates that this project compiles have them. What is left is Rust code that comes
    precompiled with the toolchain, and the program around the library.
    """
    of_rust = name is not None and _RUST_SYMBOL.match(name) is not None
    return Origin(STANDARD_LIBRARY if of_rust else PROGRAM)


class Ranges:
    """Half-open ranges of addresses that do not overlap, each with a value."""

    def __init__(self, ranges: Iterable[tuple[int, int, Any]]) -> None:
        self._ranges = sorted(ranges, key=lambda entry: entry[:2])
        self._starts = [start for start, _, _ in self._ranges]

    def __len__(self) -> int:
        return len(self._ranges)

    def find(self, address: int) -> Any:
        """Give the value of the range that an address is in; None outside of all."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        _, end, value = self._ranges[index]
        return value if address < end else None


class Binary:
    """A linked program or shared library with line tables."""

    def __init__(self, path: Path, packages: Mapping[str, str]) -> None:
        """Read one.

        Args:
            path: the file.
            packages: names of packages by their names as crates.
        """
        with path.open("rb") as file:
            elf = ELFFile(file)
            self._segments = Ranges(
                (it["p_offset"], it["p_offset"] + it["p_filesz"], it["p_vaddr"] - it["p_offset"])
                for it in elf.iter_segments("PT_LOAD")
                if it["p_filesz"]
            )
            units = _units(elf, packages) if elf.has_dwarf_info() else ()
            self.units = Ranges(units)
            self._functions = Ranges(_functions(elf))
        self._known: dict[int, Origin] = {}

    def origin(self, offset: int) -> Origin:
        """Find the origin of the code at an offset in the file."""
        known = self._known.get(offset)
        if known is None:
            known = self._known[offset] = self._find(offset)
        return known

    def _find(self, offset: int) -> Origin:
        delta = self._segments.find(offset)
        if delta is None:
            return Origin(PROGRAM)
        address = offset + delta
        found = self.units.find(address)
        return found or origin_of_symbol(self._functions.find(address))


def _units(elf: ELFFile, packages: Mapping[str, str]) -> Iterator[tuple[int, int, Origin]]:
    """Yield the ranges of all compile units."""
    dwarf = elf.get_dwarf_info()
    for unit in dwarf.iter_CUs():
        top = unit.get_top_DIE()
        attributes = top.attributes
        if "DW_AT_name" not in attributes:
            continue
        origin = origin_of_unit(
            attributes["DW_AT_name"].value.decode(),
            attributes["DW_AT_comp_dir"].value.decode() if "DW_AT_comp_dir" in attributes else "",
            attributes["DW_AT_language"].value if "DW_AT_language" in attributes else None,
            packages,
        )
        for start, end in _unit_ranges(dwarf, unit, attributes):
            # The linker writes 0, or 1 in lists, as the start of what it dropped.
            if 1 < start < end:
                yield start, end, origin


def _unit_ranges(dwarf: Any, unit: Any, attributes: Any) -> Iterator[tuple[int, int]]:
    base = attributes["DW_AT_low_pc"].value if "DW_AT_low_pc" in attributes else 0
    if "DW_AT_ranges" in attributes:
        lists = dwarf.range_lists()
        for entry in lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=unit):
            if hasattr(entry, "base_address"):
                base = entry.base_address
            else:
                offset = 0 if entry.is_absolute else base
                yield entry.begin_offset + offset, entry.end_offset + offset
    elif "DW_AT_high_pc" in attributes:
        high = attributes["DW_AT_high_pc"]
        yield base, high.value if high.form == "DW_FORM_addr" else base + high.value


def _functions(elf: ELFFile) -> Iterator[tuple[int, int, str]]:
    """Yield the ranges of all functions in the symbol table, one name for each."""
    symbols = elf.get_section_by_name(".symtab")
    if not isinstance(symbols, SymbolTableSection):
        return
    seen = set()
    for symbol in symbols.iter_symbols():
        start, size = symbol["st_value"], symbol["st_size"]
        if symbol["st_info"]["type"] == "STT_FUNC" and start and size and start not in seen:
            seen.add(start)
            yield start, start + size, symbol.name
