"""Read a COFF object file's symbols, and write the file with other names and without debug data.

The layout is described in Microsoft's "PE Format", sections "COFF File Header", "Section Table" and
"COFF Symbol Table". Objects with more than 65,279 sections have ANON_OBJECT_HEADER_BIGOBJ from
winnt.h.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from .._messages import message
from .advice import unexpected

# IMAGE_FILE_MACHINE_AMD64
AMD64 = 0x8664

# Machine, NumberOfSections, TimeDateStamp, PointerToSymbolTable, NumberOfSymbols,
# SizeOfOptionalHeader, Characteristics
_HEADER = struct.Struct("<HHIIIHH")
# Sig1, Sig2, Version, Machine, TimeDateStamp, ClassID, SizeOfData, Flags, MetaDataSize,
# MetaDataOffset, NumberOfSections, PointerToSymbolTable, NumberOfSymbols
_BIG_HEADER = struct.Struct("<HHHHI16sIIIIIII")
# Version 2 or higher is a big object; a lower version is a short import, which is not an object.
_NO_MACHINE = b"\0\0\xff\xff"
_BIG_VERSION = 2
# Number of bytes before the names in a short import
_IMPORT_HEADER = 20
# Name, VirtualSize, VirtualAddress, SizeOfRawData, PointerToRawData, PointerToRelocations,
# PointerToLinenumbers, NumberOfRelocations, NumberOfLinenumbers, Characteristics
_SECTION = struct.Struct("<8sIIIIIIHHI")
# Name, Value, SectionNumber, Type, StorageClass, NumberOfAuxSymbols
_SYMBOL = struct.Struct("<8sIhHBB")
_BIG_SYMBOL = struct.Struct("<8sIiHBB")
# VirtualAddress, SymbolTableIndex, Type
_RELOCATION = struct.Struct("<IIH")

# IMAGE_SYM_CLASS_EXTERNAL, _WEAK_EXTERNAL, _STATIC; IMAGE_SYM_DTYPE_FUNCTION
_EXTERNAL, _WEAK_EXTERNAL, _STATIC = 2, 105, 3
_FUNCTION = 0x20
# IMAGE_SCN_CNT_UNINITIALIZED_DATA, _LNK_REMOVE, _LNK_NRELOC_OVFL
_UNINITIALIZED, _REMOVE, _OVERFLOW = 0x80, 0x800, 0x01000000

_UNWANTED = re.compile(rb"\.(?:z?debug_|debug\$|llvmbc$|llvmcmd$)")
# The text after the dollar sign orders the parts of a section, which does not matter for these. But
# GNU's ld takes it for the name of the section's symbol, which has been renamed.
_PART = re.compile(rb"(\.(?:text|rdata|data|bss|xdata|pdata))\$.*", re.DOTALL)
_LOCAL = b".local"


@dataclass
class _Section:
    name: bytes
    header: tuple[int, ...]
    data: bytes
    relocations: bytes


@dataclass
class _Symbol:
    name: bytes
    value: int
    section: int
    type: int
    storage_class: int
    auxiliary: bytes

    @property
    def is_global(self) -> bool:
        return self.storage_class in (_EXTERNAL, _WEAK_EXTERNAL)

    @property
    def is_defined(self) -> bool:
        # If there is no section, the value is the size of a common variable.
        return self.section != 0 or self.value != 0 or self.storage_class == _WEAK_EXTERNAL


class ShortImport:
    """A DLL's function in Microsoft's short form, from which the linker makes an object.

    The layout is described in Microsoft's "PE Format", "Import Library Format".

    Raises:
        CompileError: the bytes are not such an import; `name` is for the message.
    """

    sections: tuple[bytes, ...] = ()

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        try:
            self._name, self._dll, _ = content[_IMPORT_HEADER:].split(b"\0", 2)
        except ValueError:
            raise unexpected(message("object-not-coff", file=name)) from None

    @staticmethod
    def is_one(content: bytes) -> bool:
        """Return whether a member of an archive is a short import, not an object."""
        is_neither_machine = content.startswith(_NO_MACHINE)
        return is_neither_machine and content[4:6] < _BIG_VERSION.to_bytes(2, "little")

    @property
    def defined(self) -> list[bytes]:
        """Names of the function and of the pointer to it, which the linker creates."""
        return [self._name, b"__imp_" + self._name]

    @property
    def undefined(self) -> list[bytes]:
        """Name of the DLL's entry in the import table."""
        return [b"__IMPORT_DESCRIPTOR_" + self._dll.rpartition(b".")[0]]

    def rewritten(self, _rename: Mapping[bytes, bytes]) -> bytes:
        """Return it unchanged, but without its timestamp."""
        return self._content[:8] + bytes(4) + self._content[12:]


class CoffObject:
    """The contents of an object file.

    Raises:
        CompileError: the bytes are not an object file; `name` is for the message.
    """

    def __init__(self, content: bytes, name: str) -> None:
        try:
            self._parse(content)
        except (struct.error, ValueError, IndexError):
            raise unexpected(message("object-not-coff", file=name)) from None

    @property
    def defined(self) -> list[bytes]:
        """Names of the global symbols that it defines, including weak ones."""
        return [it.name for it in self._symbols if it.is_global and it.is_defined]

    @property
    def undefined(self) -> list[bytes]:
        """Names of the symbols that it needs from other objects."""
        return [it.name for it in self._symbols if it.is_global and not it.is_defined]

    @property
    def sections(self) -> list[bytes]:
        """Names of the sections that are not empty."""
        return [section.name for section in self._sections if section.data]

    def rewritten(self, rename: Mapping[bytes, bytes]) -> bytes:
        """Return the file with renamed global symbols, without times and debug information.

        Names of sections and local variables are shortened to save space.

        Args:
            rename: old name to new name, for symbols defined here or elsewhere.
        """
        strings = _Strings()
        headers, contents = [], []
        at = self._header_size + _SECTION.size * len(self._sections)
        for section in self._sections:
            # Unwanted sections stay but are emptied, because symbols refer to sections by number.
            is_kept = not _UNWANTED.match(section.name)
            content = section.data + section.relocations if is_kept else b""
            name = strings.name_of_section(_short(section.name))
            virtual_size, address, size, _, _, _, relocations, _, flags = section.header
            if not is_kept:
                size, relocations, flags = 0, 0, flags & ~_OVERFLOW | _REMOVE
            places = (at if section.data and is_kept else 0), at + len(section.data)
            data_at, relocations_at = places[0], places[1] if relocations else 0
            headers.append(
                _SECTION.pack(
                    *(name, virtual_size, address, size, data_at, relocations_at),
                    *(0, relocations, 0, flags),
                )
            )
            contents.append(content)
            at += len(content)
        table, entries = [], 0
        for it in self._symbols:
            extra = len(it.auxiliary) // self._symbol.size
            fields = (it.value, it.section, it.type, it.storage_class, extra)
            table += [self._symbol.pack(strings.name(self._new_name(it, rename)), *fields)]
            table += [it.auxiliary]
            entries += 1 + extra
        head = self._packed_header(at, entries)
        return b"".join([head, *headers, *contents, *table, strings.table()])

    def _parse(self, content: bytes) -> None:
        self._is_big = content.startswith(_NO_MACHINE)
        self._symbol = _BIG_SYMBOL if self._is_big else _SYMBOL
        self._header_size = _BIG_HEADER.size if self._is_big else _HEADER.size
        if self._is_big:
            fields = _BIG_HEADER.unpack_from(content)
            machine, sections, symbols_at, symbols = fields[3], *fields[10:]
            self._class_id = fields[5]
        else:
            machine, sections, _, symbols_at, symbols, optional, _ = _HEADER.unpack_from(content)
            if optional:
                raise ValueError
        if machine != AMD64:
            raise ValueError
        strings = content[symbols_at + symbols * self._symbol.size :]
        self._sections = [
            _section(content, strings, self._header_size + index * _SECTION.size)
            for index in range(sections)
        ]
        self._symbols = []
        entries = content[symbols_at : symbols_at + symbols * self._symbol.size]
        at = 0
        while at < len(entries):
            name, value, section, kind, storage, extra = self._symbol.unpack_from(entries, at)
            if name.startswith(b"\0\0\0\0"):
                name = _string(strings, int.from_bytes(name[4:], "little"))
            end = at + self._symbol.size * (1 + extra)
            auxiliary = entries[at + self._symbol.size : end]
            name = name.rstrip(b"\0")
            self._symbols.append(_Symbol(name, value, section, kind, storage, auxiliary))
            at = end

    def _packed_header(self, symbols_at: int, symbols: int) -> bytes:
        sections = len(self._sections)
        if not self._is_big:
            return _HEADER.pack(AMD64, sections, 0, symbols_at, symbols, 0, 0)
        start = (0, 0xFFFF, _BIG_VERSION, AMD64, 0, self._class_id, 0, 0, 0, 0)
        return _BIG_HEADER.pack(*start, sections, symbols_at, symbols)

    def _new_name(self, symbol: _Symbol, rename: Mapping[bytes, bytes]) -> bytes:
        if symbol.is_global:
            return rename.get(symbol.name, symbol.name)
        if symbol.storage_class != _STATIC or symbol.type == _FUNCTION:
            return symbol.name
        # A section's symbol must keep the section's name, which GNU's ld looks at.
        is_section = symbol.auxiliary or symbol.name.startswith(b".")
        return _short(symbol.name) if is_section else _LOCAL


def _section(content: bytes, strings: bytes, at: int) -> _Section:
    name, *header = _SECTION.unpack_from(content, at)
    name = name.rstrip(b"\0")
    if name.startswith(b"/"):
        name = _string(strings, _long_name_offset(name))
    _, _, size, data_at, relocations_at, _, count, _, flags = header
    if flags & _OVERFLOW and count == 0xFFFF:
        # The first relocation is a placeholder with the total number.
        (count, *_) = _RELOCATION.unpack_from(content, relocations_at)
    data = b"" if flags & _UNINITIALIZED or not data_at else content[data_at : data_at + size]
    end = relocations_at + count * _RELOCATION.size
    return _Section(name, tuple(header), data, content[relocations_at:end])


def _long_name_offset(name: bytes) -> int:
    """Read ``/1234``, or ``//`` and 6 base-64 digits, which LLVM writes above 9,999,999."""
    if not name.startswith(b"//"):
        return int(name[1:])
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    offset = 0
    for digit in name[2:]:
        offset = offset * 64 + digits.index(digit)
    return offset


def _string(strings: bytes, offset: int) -> bytes:
    return strings[offset : strings.index(b"\0", offset)]


def _short(name: bytes) -> bytes:
    return _PART.sub(rb"\1", name)


class _Strings:
    """The table of names longer than 8 bytes."""

    def __init__(self) -> None:
        self._offsets: dict[bytes, int] = {}
        self._size = 4

    def name(self, name: bytes) -> bytes:
        """Return a name's field in the symbol table."""
        if len(name) <= 8:
            return name
        return b"\0\0\0\0" + self._offset(name).to_bytes(4, "little")

    def name_of_section(self, name: bytes) -> bytes:
        """Return a name's field in the section table."""
        if len(name) <= 8:
            return name
        return b"/%d" % self._offset(name)

    def table(self) -> bytes:
        """Return the table's bytes, which begin with its size."""
        return self._size.to_bytes(4, "little") + b"".join(it + b"\0" for it in self._offsets)

    def _offset(self, name: bytes) -> int:
        if name not in self._offsets:
            self._offsets[name] = self._size
            self._size += len(name) + 1
        return self._offsets[name]


def jump(name: bytes, target: bytes) -> bytes:
    """Return an object with one function, which only jumps to another.

    Args:
        name: the function's name.
        target: the name of the other function, which another object defines.
    """
    strings = _Strings()
    # jmp rel32, and IMAGE_REL_AMD64_REL32 to the second symbol
    code = b"\xe9\0\0\0\0"
    relocation = _RELOCATION.pack(1, 1, 4)
    data_at = _HEADER.size + _SECTION.size
    relocation_at = data_at + len(code)
    symbols_at = relocation_at + len(relocation)
    # Code, executable, readable, aligned to 16 bytes
    flags = 0x20 | 0x20000000 | 0x40000000 | 0x500000
    return b"".join(
        [
            _HEADER.pack(AMD64, 1, 0, symbols_at, 2, 0, 0),
            _SECTION.pack(b".text", 0, 0, len(code), data_at, relocation_at, 0, 1, 0, flags),
            code,
            relocation,
            _SYMBOL.pack(strings.name(name), 0, 1, _FUNCTION, _EXTERNAL, 0),
            _SYMBOL.pack(strings.name(target), 0, 0, _FUNCTION, _EXTERNAL, 0),
            strings.table(),
        ]
    )
