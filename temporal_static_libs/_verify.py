"""Comparing archives with what was recorded when they were built."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ._checksums import sha256_of
from ._errors import ChecksumMismatchError, MissingLibraryError
from ._messages import message
from ._origin import Origin
from ._ownership import is_regular, owner, trusted_owners


@dataclass(frozen=True)
class RecordedFile:
    """A file and what was recorded about it.

    Attributes:
        path: where it must be.
        sha256: 64 lower-case hexadecimal digits.
        size: bytes; None where only the hash was recorded.
        record: the file that says so, in the same directory.
    """

    path: Path
    sha256: str
    size: int | None
    record: Path


def verify_files(files: Iterable[RecordedFile], origin: Origin, trusted: Path) -> None:
    """Compare every file with its record.

    Args:
        files: what to compare.
        origin: where they came from, for the message.
        trusted: a file or directory whose owner may own the files too, like the user and the
            administrator.

    Raises:
        MissingLibraryError: one is absent, or cannot be read.
        ChecksumMismatchError: one is not what was recorded, or another user can have put it there.
    """
    owners = trusted_owners(trusted)
    for file in files:
        try:
            status = os.stat(file.path)
            if not is_regular(status):
                problem = message("no-file", name=file.path.name)
                raise MissingLibraryError(origin.report(problem, file.path))
            mismatch = _mismatch(file, status, owners)
        except OSError as error:
            raise origin.unreadable(file.path, error) from None
        if mismatch:
            raise ChecksumMismatchError(origin.report(mismatch, file.path))


def _mismatch(file: RecordedFile, status: os.stat_result, owners: set[int]) -> str:
    """Return the message about what differs; an empty one if nothing does."""
    name = file.path.name
    target = os.path.realpath(file.path)
    # Some installers and build systems make every file of a package a link to a store of theirs,
    # where the files are side by side.
    store = os.path.dirname(os.path.realpath(file.record))
    if file.path.is_symlink() and os.path.dirname(target) != store:
        return message("linked-elsewhere", name=name, target=target)
    if owner(status) not in owners:
        return message("untrusted-owner", name=name, uid=owner(status))
    if file.size is not None and status.st_size < file.size:
        return message("truncated", name=name, size=status.st_size, recorded=file.size)
    if file.size is not None and status.st_size > file.size:
        return message("too-long", name=name, size=status.st_size, recorded=file.size)
    actual = sha256_of(file.path)
    if actual != file.sha256:
        return message("hash-mismatch", name=name, recorded=file.sha256, actual=actual)
    return ""
