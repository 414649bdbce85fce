"""Checking that a shared library meets the promises in docs/shared-library.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import lief

from temporal_static_libs._components import SDK_CORE, Component
from temporal_static_libs._shared.exports import exported_symbols
from temporal_static_libs._shared.formats import Format
from temporal_static_libs._targets import Target
from tools import ToolError
from tools.wheel.floor import dlls_beyond_windows

# The parts of glibc and of musl.
_GLIBC = re.compile(r"lib(c|m|dl|pthread|rt|util)\.so\.\d|ld-linux[\w-]*\.so\.\d")
_MUSL = re.compile(r"libc\.so|libc\.musl-\w+\.so\.1")
_VERSION = re.compile(r"GLIBC_([\d.]+)")


class ProofError(ToolError):
    """A shared library does not meet its promises."""


def prove(
    file: Path, form: Format, target: Target, floor_version: str, component: Component = SDK_CORE
) -> Iterator[str]:
    """Check a shared library, and yield each confirmed fact.

    Args:
        file: the library.
        form: the row for its format.
        target: its platform.
        floor_version: the oldest C library or macOS that must be able to load it.
        component: the component of its archive.

    Yields:
        A confirmed fact, in a few words.

    Raises:
        ProofError: a check failed.
    """
    binary, found = _read(file)
    expected = {f"{form.symbol_prefix}{symbol}" for symbol in exported_symbols(component)}
    if differing := sorted(found ^ expected):
        which = "exports" if differing[0] in found else "does not export"
        raise ProofError(f"{file.name} {which} {differing[0]}: {len(differing)} symbols differ")
    yield f"exports the {len(found)} functions of the interface and no others"
    if isinstance(binary, lief.ELF.Binary):
        yield from _prove_elf(file, binary, target, floor_version)
    elif isinstance(binary, lief.MachO.Binary):
        yield from _prove_macho(file, binary, floor_version)
    else:
        yield from _prove_pe(file, binary)


def exports_of(file: Path) -> set[str]:
    """Return the symbols that a shared library exports, as spelled in the file.

    Raises:
        ProofError: it is not a shared library.
    """
    return _read(file)[1]


def _read(file: Path) -> tuple[lief.ELF.Binary | lief.MachO.Binary | lief.PE.Binary, set[str]]:
    binary = lief.parse(file)
    if isinstance(binary, lief.ELF.Binary):
        return binary, {str(it.name) for it in binary.dynamic_symbols if it.exported}
    if isinstance(binary, lief.MachO.Binary):
        return binary, {str(symbol.name) for symbol in binary.exported_symbols}
    if isinstance(binary, lief.PE.Binary):
        export = binary.get_export()
        return binary, {str(entry.name) for entry in export.entries} if export else set()
    raise ProofError(f"{file.name} is not a shared library")


def _prove_elf(
    file: Path, binary: lief.ELF.Binary, target: Target, floor_version: str
) -> Iterator[str]:
    entries = {entry.tag: entry for entry in binary.dynamic_entries}
    soname = entries.get(lief.ELF.DynamicEntry.TAG.SONAME)
    if not isinstance(soname, lief.ELF.DynamicSharedObject) or soname.name != file.name:
        raise ProofError(f"{file.name} has another soname")
    types = {segment.type: segment for segment in binary.segments}
    stack = types.get(lief.ELF.Segment.TYPE.GNU_STACK)
    if stack is None or lief.ELF.Segment.FLAGS.X in stack:
        raise ProofError(f"{file.name} makes stacks executable")
    flags = entries.get(lief.ELF.DynamicEntry.TAG.FLAGS)
    is_now = isinstance(flags, lief.ELF.DynamicEntryFlags) and (
        lief.ELF.DynamicEntryFlags.FLAG.BIND_NOW in flags
    )
    if lief.ELF.Segment.TYPE.GNU_RELRO not in types or not is_now:
        raise ProofError(f"{file.name} does not have full RELRO")
    if lief.ELF.DynamicEntry.TAG.TEXTREL in entries:
        raise ProofError(f"{file.name} relocates code")
    yield "soname, full RELRO, no executable stack"
    allowed = _GLIBC if target.floor_name == "glibc" else _MUSL
    if others := [name for name in binary.libraries if not allowed.fullmatch(str(name))]:
        raise ProofError(f"{file.name} needs more than the C library: {others}")
    yield f"needs {', '.join(map(str, binary.libraries))}"
    if target.floor_name == "glibc":
        yield _prove_glibc(file, binary, floor_version)


def _prove_glibc(file: Path, binary: lief.ELF.Binary, floor_version: str) -> str:
    needed = {
        str(version.name)
        for library in binary.symbols_version_requirement
        for version in library.get_auxiliary_symbols()
    }
    versions = {_numbers(found[1]) for name in needed if (found := _VERSION.fullmatch(name))}
    if not versions or max(versions) > _numbers(floor_version):
        newest = ".".join(map(str, max(versions, default=())))
        raise ProofError(f"{file.name} needs glibc {newest}, newer than {floor_version}")
    return f"needs glibc {'.'.join(map(str, max(versions)))}, promised is {floor_version}"


def _prove_macho(file: Path, binary: lief.MachO.Binary, floor_version: str) -> Iterator[str]:
    names = [it for it in binary.libraries if it.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB]
    if [str(it.name) for it in names] != [f"@rpath/{file.name}"]:
        raise ProofError(f"{file.name} has another install name")
    build, minimum = binary.build_version, binary.version_min
    oldest = build.minos if build is not None else minimum.version if minimum is not None else []
    if not oldest or _numbers(".".join(map(str, oldest))) > _numbers(floor_version):
        raise ProofError(f"{file.name} is for macOS {oldest}, not {floor_version}")
    yield f"install name, for macOS {'.'.join(map(str, oldest))}"


def _prove_pe(file: Path, binary: lief.PE.Binary) -> Iterator[str]:
    kinds = lief.PE.OptionalHeader.DLL_CHARACTERISTICS
    for wanted in (kinds.DYNAMIC_BASE, kinds.NX_COMPAT, kinds.HIGH_ENTROPY_VA):
        if not binary.optional_header.has(wanted):
            raise ProofError(f"{file.name} lacks {wanted}")
    names = sorted({str(it.name).lower() for it in binary.imports})
    # MinGW uses the older C library, which is also part of every Windows.
    if others := [name for name in dlls_beyond_windows(names) if name != "msvcrt.dll"]:
        raise ProofError(f"{file.name} needs DLLs that Windows may not have: {', '.join(others)}")
    yield f"imports from {', '.join(names)}"


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
