"""Finishing a COFF archive: the interface, and nothing else that another library could clash with.

No linker makes one object of several here that all linkers take: GNU's loses what tells it which
unwinding tables go with which function. So the members stay what they are, and every global symbol
gets a name of this project. Each function of the interface is one more member, which jumps to the
function's private name: COFF has no weak symbols that all linkers know, and linkers take from an
archive only the members they need. Two archives of one build have the same private names, so that
in a link of both the first one serves all calls.

No program is needed for it. What is wrong with the archive is a `CompileError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from .._messages import message
from .advice import unexpected
from .ar import Member, read_members, write_archive
from .coff_object import CoffObject, is_short_import, jump
from .header import OWN_PREFIX

_INTERFACE_PREFIXES = (b"temporal_core_", f"{OWN_PREFIX}_".encode())

# Linkers leave names that end like this out of a DLL that exports all it has.
_NOT_EXPORTED = "_iname"

# Sections of an import library's members: the entry in the table of DLLs, the name of a function.
_HEAD, _FUNCTION = b".idata$2", b".idata$6"


def finish_coff(
    raw: Path, kept: Collection[str], output: Path, crates: bytes, *, weak: bool
) -> None:
    """Make an archive that ships from the one that rustc made.

    The arguments are those of `finish_elf`. The list of crates is left out: no linker for Windows
    keeps a section that nothing refers to. Nor is anything weak.
    """
    members = _needed(_objects(raw))
    defined = dict.fromkeys(name for it in members.values() for name in it.defined)
    build = hashlib.sha256(b"\0".join(defined)).hexdigest()[:8]
    private = {
        name: f"{OWN_PREFIX}_{build}_{number:x}{_NOT_EXPORTED}".encode()
        for number, name in enumerate(defined)
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
                    one.rewritten(private),
                    tuple(private[name] for name in dict.fromkeys(one.defined)),
                )
                for place, one in members.items()
            ),
        ],
    )


def _objects(raw: Path) -> list[CoffObject]:
    found = []
    try:
        for name, content, _ in read_members(raw):
            if is_short_import(content):
                raise unexpected(message("short-import", archive=raw, member=name))
            # An archive in the archive's place, or a list of crates' metadata, is no object either.
            found.append(CoffObject(content, f"{raw.name}({name})"))
    except ValueError as error:
        raise unexpected(str(error)) from None
    return found


def _needed(objects: list[CoffObject]) -> dict[int, CoffObject]:
    """Return what the interface needs, by its place: most of Windows's imports are unused."""
    definers: dict[bytes, int] = {}
    for place, one in enumerate(objects):
        for name in one.defined:
            definers.setdefault(name, place)
    waiting = [place for name, place in definers.items() if name.startswith(_INTERFACE_PREFIXES)]
    needed: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place in needed:
            continue
        needed.add(place)
        waiting += [definers[name] for name in objects[place].undefined if name in definers]
    return {place: objects[place] for place in sorted(needed)}


def _member_names(members: Mapping[int, CoffObject]) -> dict[int, str]:
    """Name the members. Linkers put the parts of import libraries in the order of their names.

    The part that stands for the DLL comes before its functions, and the one that ends its table
    after them. Members refer to the first, and that one to the last.
    """
    owner: dict[bytes, int] = {
        name: place for place, one in members.items() for name in one.defined
    }
    names = {place: f"m{place:05}.o" for place in members}
    for place, one in members.items():
        if _HEAD in one.sections:
            names[place] = f"i{place:05}-0.o"
            for name in one.undefined:
                if name in owner and b".idata$7" in members[owner[name]].sections:
                    names[owner[name]] = f"i{place:05}-2.o"
    for place, one in members.items():
        if _FUNCTION in one.sections:
            heads = [owner[name] for name in one.undefined if name in owner]
            names[place] = f"i{heads[0]:05}-1-{place:05}.o"
    return names
