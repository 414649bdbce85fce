"""Whether archives are the ones that were recorded when they were built."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ._checksums import sha256_of
from ._errors import ChecksumMismatchError, MissingLibraryError
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
        trusted: a file or directory whose owner may own the files too; besides, the user and the
            administrator may.

    Raises:
        MissingLibraryError: one is absent, or cannot be read.
        ChecksumMismatchError: one is not what was recorded, or can have been put there by somebody
            else.
    """
    owners = trusted_owners(trusted)
    for file in files:
        try:
            _verify(file, origin, owners)
        except (FileNotFoundError, NotADirectoryError):
            problem = f"{file.path.name} is missing"
            raise MissingLibraryError(origin.report(problem, file.path)) from None
        except OSError as error:
            problem = f"{file.path.name} cannot be read: {error.strerror}"
            raise MissingLibraryError(origin.report(problem, file.path)) from None


def _verify(file: RecordedFile, origin: Origin, owners: set[int]) -> None:
    name = file.path.name
    status = os.stat(file.path)
    if not is_regular(status):
        raise MissingLibraryError(origin.report(f"{name} is not a file", file.path))
    if file.path.is_symlink() and not _is_linked_like_its_record(file):
        where = f"it is a symbolic link to {os.path.realpath(file.path)}, elsewhere than its record"
        raise ChecksumMismatchError(origin.report(f"{name} is replaced: {where}", file.path))
    if owner(status) not in owners:
        whose = f"it belongs to the user with the number {owner(status)}, who could alter it"
        raise ChecksumMismatchError(origin.report(f"{name} is not trusted: {whose}", file.path))
    if file.size is not None and status.st_size != file.size:
        kind = "truncated" if status.st_size < file.size else "altered"
        sizes = f"it has {status.st_size} bytes, {file.size} were recorded"
        raise ChecksumMismatchError(origin.report(f"{name} is {kind}: {sizes}", file.path))
    actual = sha256_of(file.path)
    if actual != file.sha256:
        hashes = f"its SHA-256 is {actual}, {file.sha256} was recorded"
        raise ChecksumMismatchError(origin.report(f"{name} is altered: {hashes}", file.path))


def _is_linked_like_its_record(file: RecordedFile) -> bool:
    # Some installers and build systems make every file of a package a link to a store of theirs,
    # where the files are side by side.
    return os.path.dirname(os.path.realpath(file.path)) == os.path.dirname(
        os.path.realpath(file.record)
    )
