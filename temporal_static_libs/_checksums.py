"""SHA-256 of files, and `checksums.sha256`, the format of `sha256sum` and `sha256sum -c`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ._records import open_regular

_LINE = re.compile(r"(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<file>.+)")


def sha256_of(file: Path) -> str:
    """Hash a file.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    # Here and not above: it loads OpenSSL, which most answers do without.
    import hashlib

    digest = hashlib.sha256()
    buffer = memoryview(bytearray(1 << 20))
    with open(open_regular(file), "rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def format_checksums(checksums: Mapping[str, str]) -> str:
    """Write the file.

    Args:
        checksums: file name to SHA-256 in hexadecimal. No name holds a backslash or a line break.
    """
    return "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(checksums.items()))


def parse_checksums(text: str) -> dict[str, str]:
    """Read the file.

    Args:
        text: its content.

    Returns:
        File name to SHA-256, 64 lower-case hexadecimal digits.

    Raises:
        ValueError: a line is not of the format, or there is none.
    """
    checksums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is not '<64 hexadecimal digits>  <file>'")
        checksums[match["file"]] = match["sha256"].lower()
    if not checksums:
        raise ValueError("it names no file")
    return checksums
