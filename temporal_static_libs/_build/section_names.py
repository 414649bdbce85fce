"""Short names for the sections of an ELF object.

Each function and constant has a separate section, named for it: in an object of this size the
names take more room than the data, while all that a linker looks at is how a name begins. There is
a `--rename-section` in objcopy, but it takes minutes for tens of thousands of sections.

The layout of the file is that of the System V ABI, chapter 4, "Sections".
"""

from __future__ import annotations

import re
import struct
from itertools import count
from pathlib import Path

from .._messages import message
from .advice import unexpected

_ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
# e_shoff, and e_shentsize, e_shnum, e_shstrndx.
_OFFSET_AT, _COUNTS_AT = 0x28, 0x3A
# sh_name, _type, _flags, _addr, _offset, _size, _link, _info, _addralign, _entsize
_HEADER = struct.Struct("<IIQQQQIIQQ")
_NAME, _OFFSET, _SIZE, _LINK, _ALIGNMENT = 0, 4, 5, 6, 8
# Stands in e_shstrndx where the index is in the first header's sh_link; its sh_size is the count.
_EXTENDED = 0xFFFF

# What linkers know of such a name. The rest says what the section is of.
_PREFIX = re.compile(
    rb"(\.(?:text(?:\.(?:unlikely|exit|startup|hot))?|rodata|data(?:\.rel\.ro)?|bss|tdata|tbss"
    rb"|gcc_except_table))\.."
)
_RELOCATIONS = b".rela"


def shorten_section_names(file: Path) -> None:
    """Replace what follows the known beginning of each section's name by a number.

    Args:
        file: a relocatable object for a 64-bit little-endian processor; rewritten in place.

    Raises:
        CompileError: it is no such file.
    """
    content = file.read_bytes()
    if not content.startswith(_ELF64_LITTLE_ENDIAN):
        raise unexpected(message("object-not-elf", file=file))
    (table,) = struct.unpack_from("<Q", content, _OFFSET_AT)
    _, number, names_index = struct.unpack_from("<HHH", content, _COUNTS_AT)
    first = _HEADER.unpack_from(content, table)
    headers = [
        list(_HEADER.unpack_from(content, table + index * _HEADER.size))
        for index in range(number or first[_SIZE])
    ]
    names = headers[first[_LINK] if names_index == _EXTENDED else names_index]
    start, end = names[_OFFSET], names[_OFFSET] + names[_SIZE]

    strings = _renamed(content[start:end], headers)
    names[_SIZE] = len(strings)
    # A multiple of every alignment, so that what comes after keeps its own.
    saved = (end - start - len(strings)) & -max(header[_ALIGNMENT] or 1 for header in headers)
    if saved < 0:
        return  # an object of a few sections, whose names were short
    for header in headers:
        if header[_OFFSET] > start:
            header[_OFFSET] -= saved
    new = bytearray(content[:start])
    new += strings.ljust(end - start - saved, b"\0")
    new += content[end:]
    if table > start:
        table -= saved
    struct.pack_into("<Q", new, _OFFSET_AT, table)
    for index, header in enumerate(headers):
        _HEADER.pack_into(new, table + index * _HEADER.size, *header)
    file.write_bytes(new)


def _renamed(strings: bytes, headers: list[list[int]]) -> bytes:
    """Give the headers their new names' offsets, and return the new table of strings."""
    numbers = count(1)
    table = bytearray(b"\0")
    offsets: dict[bytes, int] = {b"": 0}

    def offset_of(old: bytes) -> int:
        if old not in offsets:
            match = _PREFIX.match(old)
            new = match[1] + b".%x" % next(numbers) if match else old
            # A section and its relocations share one string: the one's name is the other's end.
            offsets[_RELOCATIONS + old] = len(table)
            offsets[old] = len(table) + len(_RELOCATIONS)
            table.extend(_RELOCATIONS + new + b"\0")
        return offsets[old]

    for header in headers:
        old = strings[header[_NAME] : strings.index(b"\0", header[_NAME])]
        if old.startswith(_RELOCATIONS):
            header[_NAME] = offset_of(old[len(_RELOCATIONS) :]) - len(_RELOCATIONS)
        else:
            header[_NAME] = offset_of(old)
    return bytes(table)
