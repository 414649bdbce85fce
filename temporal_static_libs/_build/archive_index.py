"""Read the symbol index of an ar archive: the global symbols that its members define."""

from __future__ import annotations

from pathlib import Path

from .._messages import message
from .._records import open_regular
from .ar import HEADER_SIZE, MAGIC


def defined_symbols(archive: Path) -> set[str]:
    """Read the index that `ranlib` and rustc write as an archive's first member.

    Args:
        archive: in GNU's or BSD's format.

    Returns:
        The names; those of Mach-O include the leading underscore.

    Raises:
        ValueError: the file is not an archive, has no index, or is truncated.
    """
    with open(open_regular(archive), "rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise ValueError(message("archive-not-ar", archive=archive))
        header = stream.read(HEADER_SIZE)
        if header[58:] != b"`\n":
            raise ValueError(message("archive-empty", archive=archive))
        size = int(header[48:58])
        data = stream.read(size)
    if len(data) < size:
        raise ValueError(message("archive-truncated", archive=archive))
    name = header[:16].rstrip(b" ")
    if name.startswith(b"#1/"):  # BSD: the name is long and precedes the data
        length = int(name[3:])
        name, data = data[:length].rstrip(b"\0"), data[length:]
    if name in (b"/", b"/SYM64/"):
        return _gnu(data, 8 if b"64" in name else 4)
    if name.removesuffix(b" SORTED") in (b"__.SYMDEF", b"__.SYMDEF_64"):
        return _bsd(data, 8 if b"64" in name else 4)
    raise ValueError(message("archive-without-index", archive=archive))


def _gnu(data: bytes, width: int) -> set[str]:
    """Parse a count, that many member offsets, then that many NUL-terminated names."""
    count = int.from_bytes(data[:width], "big")
    names = data[width * (1 + count) :].split(b"\0")
    return {name.decode() for name in names[:count]}


def _bsd(data: bytes, width: int) -> set[str]:
    """Parse the size of the pairs (offset of a name, offset of a member), the pairs, the names."""
    size = int.from_bytes(data[:width], "little")
    names = data[width * 2 + size :]
    offsets = (
        int.from_bytes(data[at : at + width], "little")
        for at in range(width, width + size, width * 2)
    )
    return {names[offset : names.index(b"\0", offset)].decode() for offset in offsets}
