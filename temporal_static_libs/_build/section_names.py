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
# e_shoff, and e_shstrndx.
_OFFSET_AT, _NAMES_AT = 0x28, 0x3E
# sh_offset, sh_size, sh_link
_HEADER = struct.Struct("<24xQQI20x")
# Stands in e_shstrndx where the index is in the first header's sh_link.
_EXTENDED = 0xFFFF

# What linkers know of such a name, and the rest, which says what the section is of. A section and
# its relocations share one string: the one's name is the other's end. No other section is named for
# the end of a string, because the rest is a symbol, which does not end in a section's name.
_NAME = re.compile(
    rb"(?<=\0)((?:\.rela)?\.(?:text(?:\.(?:unlikely|exit|startup|hot))?|rodata|data(?:\.rel\.ro)?"
    rb"|bss|tdata|tbss|gcc_except_table))(\.[^\0]+)"
)


def shorten_section_names(file: Path) -> None:
    """Replace what follows the known beginning of each section's name by a number.

    The file keeps its size: objcopy leaves out the zeros that the names end in.

    Args:
        file: a relocatable object for a 64-bit little-endian processor; rewritten in place.

    Raises:
        CompileError: it is no such file.
    """
    numbers = count(1)

    def short(name: re.Match[bytes]) -> bytes:
        rest = b".%x" % next(numbers)
        return name[1] + rest.ljust(len(name[2]), b"\0") if len(rest) <= len(name[2]) else name[0]

    content = bytearray(file.read_bytes())
    if not content.startswith(_ELF64_LITTLE_ENDIAN):
        raise unexpected(message("object-not-elf", file=file))
    (table,) = struct.unpack_from("<Q", content, _OFFSET_AT)
    (names,) = struct.unpack_from("<H", content, _NAMES_AT)
    if names == _EXTENDED:
        *_, names = _HEADER.unpack_from(content, table)
    start, size, _ = _HEADER.unpack_from(content, table + names * _HEADER.size)
    content[start : start + size] = _NAME.sub(short, content[start : start + size])
    file.write_bytes(content)
