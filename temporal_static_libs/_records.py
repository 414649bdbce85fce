"""Reading of records: manifests, checksums, receipts, and texts in the wheel.

A record is a small regular file. Reading never waits for a pipe, and never reads more than `LIMIT`.
Functions raise OSError if a file cannot be read, and ValueError if it is not a record.
"""

from __future__ import annotations

import os

from ._ownership import OPENING, is_directory, is_regular

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMIT = 1 << 20
"""The limit for records, in bytes: four times the largest one in a wheel, interface.json."""


def open_regular(file: str | os.PathLike[str]) -> int:
    """Open a regular file.

    Returns:
        A descriptor for reading.
    """
    descriptor = os.open(file, os.O_RDONLY | OPENING)
    status = os.fstat(descriptor)
    if is_regular(status):
        return descriptor
    os.close(descriptor)
    import errno

    from ._messages import message

    if is_directory(status):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(file))
    raise OSError(errno.EINVAL, message("not-regular"), os.fspath(file))


def read_record(file: str | os.PathLike[str]) -> bytes:
    """Read a whole record."""
    with open(open_regular(file), "rb") as stream:
        content = stream.read(LIMIT + 1)
    if len(content) > LIMIT:
        from ._messages import message

        raise ValueError(message("too-large", limit=LIMIT))
    return content


def read_text(file: str | os.PathLike[str]) -> str:
    """Read a record that is UTF-8 text."""
    return read_record(file).decode("utf-8")


def parse_json(text: str) -> Any:
    """Parse a record that is JSON."""
    import json

    from ._messages import message

    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(message("nested-too-deeply")) from None
