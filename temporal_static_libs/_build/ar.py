"""Read the members of a GNU ar archive in order, and write an archive with an index.

The format is described in ar(5). COFF archives use the same format and index (PE Format, "Archive
(Library) File Format").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .._messages import message

MAGIC = b"!<arch>\n"
HEADER_SIZE = 60
_LONG_NAMES = b"//"
_INDEXES = (b"/", b"/SYM64/", b"/<ECSYMBOLS>/")
# Longer names are in the table of long names.
_SHORT = 15


class Member(NamedTuple):
    """One file of an archive.

    Attributes:
        name: without a directory; several members may have the same name.
        content: the file's bytes.
        symbols: names of the global symbols that it defines, for the index; empty after reading.
    """

    name: str
    content: bytes
    symbols: tuple[bytes, ...] = ()


def read_members(archive: Path) -> Iterator[Member]:
    """Yield an archive's members in order, without its index.

    Raises:
        ValueError: the file is not such an archive, or is truncated.
    """
    data = archive.read_bytes()
    if not data.startswith(MAGIC):
        raise ValueError(message("archive-not-ar", archive=archive))
    long_names = b""
    at = len(MAGIC)
    while at < len(data):
        header = data[at : at + HEADER_SIZE]
        has_size = header[48:58].rstrip(b" ").isdigit()
        if len(header) < HEADER_SIZE or header[58:] != b"`\n" or not has_size:
            raise ValueError(message("archive-truncated", archive=archive))
        size = int(header[48:58])
        at += HEADER_SIZE
        content = data[at : at + size]
        if len(content) < size:
            raise ValueError(message("archive-truncated", archive=archive))
        at += size + size % 2
        name = header[:16].rstrip(b" ")
        if name == _LONG_NAMES:
            long_names = content
        elif name not in _INDEXES:
            yield Member(_name(name, long_names), content)


def _name(name: bytes, long_names: bytes) -> str:
    if name.startswith(b"/"):
        # It ends with a slash and a line feed, or with NUL if written by Microsoft's tools.
        name = long_names[int(name[1:]) :].partition(b"\n")[0].partition(b"\0")[0]
    return name.removesuffix(b"/").decode("utf-8", errors="replace")


def write_archive(archive: Path, members: Iterable[Member]) -> None:
    """Write an archive with an index of its members' symbols, without times and owners.

    Args:
        archive: the file to write.
        members: each with its symbols, 4 GiB at most in total.
    """
    listed = list(members)
    long_names = b"".join(
        member.name.encode() + b"/\n" for member in listed if len(member.name) > _SHORT
    )
    symbols = [(name, place) for place, member in enumerate(listed) for name in member.symbols]
    names = b"".join(name + b"\0" for name, _ in symbols)
    index_size = 4 + 4 * len(symbols) + len(names)

    at = len(MAGIC) + HEADER_SIZE + index_size + index_size % 2
    if long_names:
        at += HEADER_SIZE + len(long_names) + len(long_names) % 2
    offsets = []
    for member in listed:
        offsets.append(at)
        at += HEADER_SIZE + len(member.content) + len(member.content) % 2

    index = len(symbols).to_bytes(4, "big")
    index += b"".join(offsets[place].to_bytes(4, "big") for _, place in symbols) + names
    with open(archive, "wb") as stream:
        stream.write(MAGIC)
        stream.write(_entry(b"/", index))
        if long_names:
            stream.write(_entry(_LONG_NAMES, long_names))
        place = 0
        for member in listed:
            name = member.name.encode() + b"/"
            if len(member.name) > _SHORT:
                name, place = b"/%d" % place, place + len(name) + 1
            stream.write(_entry(name, member.content))


def _entry(name: bytes, content: bytes) -> bytes:
    header = b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"644", len(content))
    return header + content + b"\n" * (len(content) % 2)
