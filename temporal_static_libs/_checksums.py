"""SHA-256 of files, and `checksums.sha256`, the format of `sha256sum` and `sha256sum -c`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from ._messages import message
from ._records import open_regular

_LINE = re.compile(r"(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<file>.+)")
# Printable ASCII without slashes: no name leads out of the directory or is invalid in some locale.
_PLAIN = re.compile(r"(?!\.{1,2}$)[ -.0-\[\]-~]+")


def sha256_of(file: Path) -> str:
    """Hash a file.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    # Imported here, because it loads OpenSSL, which most answers do not need.
    import hashlib

    digest = hashlib.sha256()
    buffer = memoryview(bytearray(1 << 20))
    with open(open_regular(file), "rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def format_checksums(checksums: Mapping[str, str]) -> str:
    """Return the content of `checksums.sha256`.

    Args:
        checksums: file name to SHA-256 in hexadecimal. Names contain no backslash or line break.
    """
    return "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(checksums.items()))


def parse_checksums(text: str, *, may_be_below: bool = False) -> dict[str, str]:
    """Parse `checksums.sha256`: file name to SHA-256, 64 lower-case hexadecimal digits.

    Args:
        text: the content of the file.
        may_be_below: whether files may also be in subdirectories.

    Raises:
        ValueError: a line has another format or names a file elsewhere, or there is no line.
    """
    checksums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is not None:
            file = match["file"]
            parts = file.split("/") if may_be_below else [file]
            # A colon follows a drive letter, or precedes the name of a stream.
            has_colon = sys.platform == "win32" and ":" in file
            if has_colon or not all(map(_PLAIN.fullmatch, parts)):
                raise ValueError(message("checksums-elsewhere", number=number, file=file))
            checksums[file] = match["sha256"].lower()
        elif line:
            raise ValueError(message("checksums-line", number=number))
    if not checksums:
        raise ValueError(message("checksums-empty"))
    return checksums
