"""Finish a COFF archive: only the interface stays global, so that no other library clashes with it.

No linker here can merge several objects into one that all linkers accept: GNU's loses the link
between functions and their unwinding tables. So the members stay separate, and every global symbol
gets a private name with this project's prefix. For each function of the interface, another member
jumps to its private name: COFF has no weak symbols that all linkers know, and linkers take from an
archive only the members they need. Two archives of one build have the same private names, so if
both are linked, the first one serves all calls.

No program is needed for it. What is wrong with the archive is a `CompileError`.
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

# Linkers leave names that end like this out of a DLL that exports all it has.
_NOT_EXPORTED = "_iname"

# Sections of MinGW's import libraries: the entry in the table of DLLs, the name of a function, that
# of the DLL.
_HEAD, _FUNCTION, _TAIL = b".idata$2", b".idata$6", b".idata$7"
# What Microsoft's have for a DLL. Linkers know these names, and those of short imports.
_OF_LINKERS = re.compile(rb"__IMPORT_DESCRIPTOR_|__NULL_IMPORT_DESCRIPTOR$|\x7f")


class _Member(NamedTuple):
    name: str
    object: CoffObject | ShortImport


def finish_coff(
    raw: Path, kept: Collection[str], output: Path, crates: bytes, *, weak: bool
) -> None:
    """Make an archive that ships from the one that rustc made.

    The arguments are those of `finish_elf`. The list of crates is left out: no linker for Windows
    keeps a section that nothing refers to. Nor is anything weak.
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
    """Return the global symbols of an archive that are not private, because they are of a DLL.

    Only Microsoft's import libraries have such. They clash with nothing: whoever defines them means
    the same.

    Raises:
        CompileError: a member is neither an object nor an import.
        ValueError: the file is no archive, or ends too early.
    """
    return {name.decode() for name in _imported(_members(archive))}


def _imported(members: Iterable[_Member]) -> set[bytes]:
    return {
        name
        for member in members
        for name in member.object.defined
        if isinstance(member.object, ShortImport) or _OF_LINKERS.match(name)
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
    """Return what the interface needs, by its place: most of Windows's imports are unused."""
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
    """Return the place of the member that a linker takes for each global symbol: the first one."""
    definers: dict[bytes, int] = {}
    for place, member in members:
        for name in member.object.defined:
            definers.setdefault(name, place)
    return definers


def _member_names(members: Mapping[int, _Member]) -> dict[int, str]:
    """Name the members. Linkers put the parts of MinGW's import libraries in the names' order.

    The part that stands for the DLL comes before its functions, and the one that ends its table
    after them. Functions refer to the first, and that one to the last. Members of Microsoft's
    import libraries have the DLL's name, and keep it.
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
