"""Unexpected kinds of files. A reader must detect them, without hanging or filling memory."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

Bad = Callable[[Path, bytes], object]
"""Replaces a file, given its path and content."""


def _fifo(file: Path, content: bytes) -> None:
    os.mkfifo(file)


def _zeros(file: Path, content: bytes) -> None:
    file.symlink_to("/dev/zero")


def _directory(file: Path, content: bytes) -> None:
    file.mkdir()


def _socket(file: Path, content: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        descriptor = os.open(file.parent, os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{descriptor}/{file.name}")  # because the path may be long
        finally:
            os.close(descriptor)


def _loop(file: Path, content: bytes) -> None:
    file.symlink_to(file.name)


def _dangling(file: Path, content: bytes) -> None:
    file.symlink_to("nowhere")


def _sparse(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    os.truncate(file, 20 << 30)


def writes(change: Callable[[bytes], bytes]) -> Bad:
    """Return a replacement that changes the file's content."""
    return lambda file, content: file.write_bytes(change(content))


NO_FILES: Mapping[str, Bad] = {
    "fifo": _fifo,
    "dev-zero": _zeros,
    "directory": _directory,
    "socket": _socket,
    "link-loop": _loop,
    "dangling-link": _dangling,
    "sparse-20-gb": _sparse,
}
"""Replacements that are not a regular file with the size of a record."""


def replace_file(file: Path, bad: Bad) -> None:
    """Replace a file."""
    content = file.read_bytes()
    file.unlink()
    bad(file, content)
