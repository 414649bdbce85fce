"""Edit an ELF object: shorten section names, mark a section to keep, list functions.

Each function and constant has a separate section, named after it. In an object of this size, the
names take more space than the data, but linkers only look at their prefixes. objcopy has
`--rename-section`, but it takes minutes for tens of thousands of sections, and it does not support
the flag that keeps a section.

The layout is described in the System V ABI, chapter 4, "Sections".
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
# e_ident[EI_OSABI]: GNU's ld and objcopy respect the flag only in files of their own system.
_OSABI_AT, _OSABI_GNU = 7, 3
_SHF_GNU_RETAIN = 1 << 21
# sh_name, _type, _flags, _addr, _offset, _size, _link, _info, _addralign, _entsize
_HEADER = struct.Struct("<IIQQQQIIQQ")
_NAME, _TYPE, _FLAGS, _OFFSET, _SIZE, _LINK, _ALIGNMENT = 0, 1, 2, 4, 5, 6, 8
_SHT_SYMTAB = 2
# st_name, _info, _other, _shndx, _value, _size
_SYMBOL = struct.Struct("<IBBHQQ")
_STT_FUNC, _SHN_UNDEF = 2, 0
# e_shstrndx if the index is in the first header's sh_link; the number of sections is its sh_size.
_EXTENDED = 0xFFFF

# The prefixes that linkers recognize. The rest names the function or constant.
_PREFIX = re.compile(
    rb"(\.(?:text(?:\.(?:unlikely|exit|startup|hot))?|rodata|data(?:\.rel\.ro)?|bss|tdata|tbss"
    rb"|gcc_except_table))\.."
)
_RELOCATIONS = b".rela"


def retain_section(file: Path, name: str) -> None:
    """Make linkers keep a section of an object in every program, although nothing refers to it.

    Args:
        file: as for `shorten_section_names`.
        name: the section's name.

    Raises:
        CompileError: it is not such a file.
    """
    content = file.read_bytes()
    table, headers, names = _headers(file, content)
    strings = content[names[_OFFSET] : names[_OFFSET] + names[_SIZE]]
    new = bytearray(content)
    for index, header in enumerate(headers):
        if _name(strings, header) == name.encode("ascii"):
            header[_FLAGS] |= _SHF_GNU_RETAIN
            _HEADER.pack_into(new, table + index * _HEADER.size, *header)
    new[_OSABI_AT] = _OSABI_GNU
    file.write_bytes(new)


def shorten_section_names(file: Path) -> None:
    """Replace the part after the known prefix of each section's name by a number.

    Args:
        file: a relocatable object for a 64-bit little-endian processor; rewritten in place.

    Raises:
        CompileError: it is not such a file.
    """
    content = file.read_bytes()
    table, headers, names = _headers(file, content)
    start, end = names[_OFFSET], names[_OFFSET] + names[_SIZE]
    strings = _renamed(content[start:end], headers)
    names[_SIZE] = len(strings)
    # A multiple of every alignment, so that the data after it stays aligned.
    saved = (end - start - len(strings)) & -max(header[_ALIGNMENT] or 1 for header in headers)
    if saved < 0:
        return  # an object with few sections, whose names were short
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


def functions_in(file: Path) -> list[str]:
    """Return the names of the functions that an object defines, sorted.

    Args:
        file: as for `shorten_section_names`.

    Raises:
        CompileError: it is not such a file.
    """
    content = file.read_bytes()
    _, headers, _ = _headers(file, content)
    found: set[bytes] = set()
    for table in headers:
        if table[_TYPE] != _SHT_SYMTAB:
            continue
        start = headers[table[_LINK]][_OFFSET]
        symbols = memoryview(content)[table[_OFFSET] : table[_OFFSET] + table[_SIZE]]
        for name, info, _, section, _, _ in _SYMBOL.iter_unpack(symbols):
            if info & 0xF == _STT_FUNC and section != _SHN_UNDEF:
                found.add(content[start + name : content.index(b"\0", start + name)])
    return sorted(name.decode("ascii") for name in found)


def _headers(file: Path, content: bytes) -> tuple[int, list[list[int]], list[int]]:
    """Return the offset of the header table, all headers, and the header of the section names."""
    if not content.startswith(_ELF64_LITTLE_ENDIAN):
        raise unexpected(message("object-not-elf", file=file))
    (table,) = struct.unpack_from("<Q", content, _OFFSET_AT)
    _, number, names_index = struct.unpack_from("<HHH", content, _COUNTS_AT)
    first = _HEADER.unpack_from(content, table)
    headers = [
        list(_HEADER.unpack_from(content, table + index * _HEADER.size))
        for index in range(number or first[_SIZE])
    ]
    return table, headers, headers[first[_LINK] if names_index == _EXTENDED else names_index]


def _name(strings: bytes, header: list[int]) -> bytes:
    return strings[header[_NAME] : strings.index(b"\0", header[_NAME])]


def _renamed(strings: bytes, headers: list[list[int]]) -> bytes:
    """Set the headers' name offsets, and return the new string table."""
    numbers = count(1)
    table = bytearray(b"\0")
    offsets: dict[bytes, int] = {b"": 0}

    def offset_of(old: bytes) -> int:
        if old not in offsets:
            match = _PREFIX.match(old)
            new = match[1] + b".%x" % next(numbers) if match else old
            # A section and its relocations share a string: the section's name is its end.
            offsets[_RELOCATIONS + old] = len(table)
            offsets[old] = len(table) + len(_RELOCATIONS)
            table.extend(_RELOCATIONS + new + b"\0")
        return offsets[old]

    for header in headers:
        old = _name(strings, header)
        if old.startswith(_RELOCATIONS):
            header[_NAME] = offset_of(old[len(_RELOCATIONS) :]) - len(_RELOCATIONS)
        else:
            header[_NAME] = offset_of(old)
    return bytes(table)
