"""Whether archives are the ones that were recorded when they were built."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ._checksums import sha256_of
from ._errors import ChecksumMismatchError, MissingLibraryError
from ._origin import Origin


@dataclass(frozen=True)
class RecordedFile:
    """A file and what was recorded about it.

    Attributes:
        path: where it must be.
        sha256: 64 lower-case hexadecimal digits.
        size: bytes; None where only the hash was recorded.
    """

    path: Path
    sha256: str
    size: int | None


def verify_files(files: Iterable[RecordedFile], origin: Origin) -> None:
    """Compare every file with its record.

    Args:
        files: what to compare.
        origin: where they came from, for the message.

    Raises:
        MissingLibraryError: one is absent, or cannot be read.
        ChecksumMismatchError: one is not what was recorded.
    """
    for file in files:
        _verify(file, origin)


def _verify(file: RecordedFile, origin: Origin) -> None:
    name = file.path.name
    try:
        status = os.stat(file.path)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingLibraryError(origin.report(f"{name} is missing", file.path)) from None
    except OSError as error:
        raise _unreadable(file, origin, error) from None
    if not stat.S_ISREG(status.st_mode):
        raise MissingLibraryError(origin.report(f"{name} is not a file", file.path))
    if file.size is not None and status.st_size != file.size:
        kind = "truncated" if status.st_size < file.size else "altered"
        sizes = f"it has {status.st_size} bytes, {file.size} were recorded"
        raise ChecksumMismatchError(origin.report(f"{name} is {kind}: {sizes}", file.path))
    try:
        actual = sha256_of(file.path)
    except OSError as error:
        raise _unreadable(file, origin, error) from None
    if actual != file.sha256:
        hashes = f"its SHA-256 is {actual}, {file.sha256} was recorded"
        raise ChecksumMismatchError(origin.report(f"{name} is altered: {hashes}", file.path))


def _unreadable(file: RecordedFile, origin: Origin, error: OSError) -> MissingLibraryError:
    problem = f"{file.path.name} cannot be read: {error.strerror}"
    return MissingLibraryError(origin.report(problem, file.path))
