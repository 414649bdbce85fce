"""Finish a COFF archive: only the interface stays global, so that no other library clashes with it.

No available linker can merge several objects into one that all linkers accept: GNU's loses the
connection between functions and their unwinding tables. So the members stay separate, and every
global symbol gets a private name with this project's prefix. For each function of the interface, an
additional member jumps to its private name, because COFF has no weak symbols that all linkers
support, and linkers take only the members that they need from an archive. Two archives of one build
have the same private names, so if both are linked, the first one serves all calls.

This needs no programs. A malformed archive raises `CompileError`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from .advice import unexpected
from .ar import Member, read_members, write_archive
from .coff_object import CoffObject, ShortImport, jump
from .header import OWN_PREFIX

_INTERFACE_PREFIXES = (b"temporal_core_", f"{OWN_PREFIX}_".encode())

# Linkers do not export names with this ending from a DLL that exports everything.
_NOT_EXPORTED = "_iname"

# Sections of MinGW's import libraries: the entry in the table of DLLs, the name of a function, the
# name of the DLL.
_HEAD, _FUNCTION, _TAIL = b".idata$2", b".idata$6", b".idata$7"
# A DLL's symbols in Microsoft's import libraries. Linkers recognize these names, and those of short
# imports.
_RESERVED_NAMES = re.compile(rb"__IMPORT_DESCRIPTOR_|__NULL_IMPORT_DESCRIPTOR$|\x7f")


class _Member(NamedTuple):
    name: str
    object: CoffObject | ShortImport


def finish_coff(
    raw: Path, kept: Collection[str], output: Path, crates: bytes, *, weak: bool
) -> None:
    """Make the archive that ships from the one that rustc made.

    The arguments are those of `finish_elf`. The list of crates is omitted, because no linker for
    Windows keeps a section that nothing refers to. No symbol is weak.
    """
    members = _needed(_members(raw))
    defined = dict.fromkeys(name for it in members.values() for name in it.object.defined)
    build = hashlib.sha256(b"\0".join(defined)).hexdigest()[:8]
    imported = _imported(members.values())
    private = {
        name: f"{OWN_PREFIX}_{build}_{number:x}{_NOT_EXPORTED}".encode()
        for number, name in enumerate(defined)
        if name not in imported
    }
    names = _member_names(members)
    jumps = [name.encode() for name in sorted(kept) if name.encode() in private]
    write_archive(
        output,
        [
            *(Member(name.decode() + ".o", jump(name, private[name]), (name,)) for name in jumps),
            *(
                Member(
                    names[place],
                    one.object.rewritten(private),
                    tuple(private.get(name, name) for name in dict.fromkeys(one.object.defined)),
                )
                for place, one in members.items()
            ),
        ],
    )


def imported_names(archive: Path) -> set[str]:
    """Return the global symbols of an archive that are not private because they belong to a DLL.

    Only Microsoft's import libraries have such symbols. They cause no clashes, because all
    definitions of them are equivalent.

    Raises:
        CompileError: a member is neither an object nor an import.
        ValueError: the file is not an archive, or is truncated.
    """
    return {name.decode() for name in _imported(_members(archive))}


def _imported(members: Iterable[_Member]) -> set[bytes]:
    return {
        name
        for member in members
        for name in member.object.defined
        if isinstance(member.object, ShortImport) or _RESERVED_NAMES.match(name)
    }


def _members(archive: Path) -> list[_Member]:
    try:
        members = list(read_members(archive))
    except ValueError as error:
        raise unexpected(str(error)) from None
    return [
        _Member(
            name,
            (ShortImport if ShortImport.is_one(content) else CoffObject)(
                content, f"{archive.name}({name})"
            ),
        )
        for name, content, _ in members
    ]


def _needed(members: list[_Member]) -> dict[int, _Member]:
    """Return the members that the interface needs, by position; most imports are unused."""
    definers = _definers(enumerate(members))
    waiting = [place for name, place in definers.items() if name.startswith(_INTERFACE_PREFIXES)]
    needed: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place in needed:
            continue
        needed.add(place)
        undefined = members[place].object.undefined
        waiting += [definers[name] for name in undefined if name in definers]
    return {place: members[place] for place in sorted(needed)}


def _definers(members: Iterable[tuple[int, _Member]]) -> dict[bytes, int]:
    """Return the position of each global symbol's first definer, which linkers use."""
    definers: dict[bytes, int] = {}
    for place, member in members:
        for name in member.object.defined:
            definers.setdefault(name, place)
    return definers


def _member_names(members: Mapping[int, _Member]) -> dict[int, str]:
    """Name the members so that linkers sort the parts of MinGW's import libraries correctly.

    The DLL's entry must come before its functions, and the end of its table after them. Functions
    refer to the entry, and the entry to the end. Members of Microsoft's import libraries are named
    after the DLL, and keep that name.
    """
    definers = _definers(members.items())
    names = {place: f"m{place:05}.o" for place in members}
    for place, one in members.items():
        needed = [definers[name] for name in one.object.undefined if name in definers]
        if _imported([one]):
            names[place] = one.name
        elif _HEAD in one.object.sections:
            names[place] = f"i{place:05}-0.o"
            for tail in needed:
                if _TAIL in members[tail].object.sections:
                    names[tail] = f"i{place:05}-2.o"
        elif _FUNCTION in one.object.sections:
            names[place] = f"i{needed[0]:05}-1-{place:05}.o"
    return names
