"""Verification of archives against their records."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ._checksums import sha256_of
from ._commands import quoted, remove_file
from ._errors import ChecksumMismatchError, MissingLibraryError
from ._manifest import CHECKSUMS_NAME, MANIFEST_NAME
from ._messages import message
from ._origin import Origin
from ._ownership import is_owned_by, is_regular, mode, owner, trusted_owners, writers

# Many times the largest archive, in bytes. Hashing a larger file would seem to hang.
_LARGEST = 1 << 31
# Files that a linker could use as an archive or a system library, if it searches the directory. It
# never looks for names that begin with a dot, such as ._libm.a, where macOS stores metadata.
_LIBRARY = re.compile(r"(?!\.).+\.(?:so(?:\..*)?|dylib|tbd|dll|a|lib)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class RecordedFile:
    """A file and its record.

    Attributes:
        path: the path where it must be.
        sha256: 64 lower-case hexadecimal digits.
        size: bytes; None if only the hash was recorded.
        record: the file that records it, in the same directory.
    """

    path: Path
    sha256: str
    size: int | None
    record: Path


def verify_directory(
    directory: Path, files: Iterable[RecordedFile], origin: Origin, trusted: Path
) -> None:
    """Check that no other user can change a directory of archives, and that nothing was added.

    Args:
        directory: the directory of the archives.
        files: the archives.
        origin: where they came from, for the message.
        trusted: as for `verify_files`.

    Raises:
        MissingLibraryError: the directory cannot be read.
        ChecksumMismatchError: another user can change it or a record, or it holds a library that
            is not recorded.
    """
    owners = trusted_owners(trusted)
    recorded = {file.path.name for file in files}
    try:
        for path in guarded_paths(directory):
            _check_access(path, os.stat(path), owners, origin)
        unrecorded = {name for name in os.listdir(directory) if _LIBRARY.fullmatch(name)} - recorded
    except OSError as error:
        raise origin.unreadable(directory, error) from None
    if unrecorded:
        file = directory / min(unrecorded)
        fix = f"{remove_file(file)}   # or move it to another directory"
        if origin.source == "override":
            # The library may be needed there, as in /usr/local/lib.
            fix = (
                f"move the archives, {MANIFEST_NAME} and {CHECKSUMS_NAME} to a directory without "
                "other libraries, and set TEMPORAL_LIBS_DIR to it"
            )
        problem = message("unrecorded-library", name=file.name)
        raise ChecksumMismatchError(replace(origin, own_fix=fix).report(problem, file))


def guarded_paths(directory: Path) -> list[Path]:
    """Return what no other user may change, except archives: the directory and its records.

    If the records are links into a store, this includes the store.
    """
    records = [directory / name for name in (MANIFEST_NAME, CHECKSUMS_NAME)]
    there = [record for record in records if record.exists()]
    stores = {Path(os.path.realpath(record)).parent for record in there if record.is_symlink()}
    return [directory, *sorted(stores), *there]


def verify_files(files: Iterable[RecordedFile], origin: Origin, trusted: Path) -> None:
    """Compare every file with its record.

    Args:
        files: what to compare.
        origin: where they came from, for the message.
        trusted: a file or directory whose owner may also own the files, like the user and the
            administrator.

    Raises:
        MissingLibraryError: a file is absent or cannot be read.
        ChecksumMismatchError: a file does not match its record, or another user could have put it
            there.
    """
    owners = trusted_owners(trusted)
    for file in files:
        try:
            status = os.stat(file.path)
            if not is_regular(status):
                problem = message("no-file", name=file.path.name)
                raise MissingLibraryError(origin.report(problem, file.path))
            problem = _other_place(file)
            if not problem:
                _check_access(file.path, status, owners, origin)
                problem = _other_content(file, status)
        except OSError as error:
            raise origin.unreadable(file.path, error) from None
        if problem:
            raise ChecksumMismatchError(origin.report(problem, file.path))


def _check_access(path: Path, status: os.stat_result, owners: set[int], origin: Origin) -> None:
    if not is_owned_by(status, owners):
        problem = message("untrusted-owner", name=path.name, uid=owner(status))
        raise ChecksumMismatchError(origin.report(problem, path))
    if writers(path, status) == "all":
        fix = f"chmod o-w {quoted(path)}   # if you trust what is in it"
        problem = message("writable-by-all", name=path.name, mode=mode(status))
        raise ChecksumMismatchError(replace(origin, own_fix=fix).report(problem, path))


def _other_place(file: RecordedFile) -> str:
    """Return the message about a link out of the directory; empty if there is no such link."""
    target = os.path.realpath(file.path)
    # Some installers and build systems make every file of a package a link into a store, where the
    # files are in one directory.
    store = os.path.dirname(os.path.realpath(file.record))
    if file.path.is_symlink() and os.path.dirname(target) != store:
        return message("linked-elsewhere", name=file.path.name, target=target)
    return ""


def _other_content(file: RecordedFile, status: os.stat_result) -> str:
    """Return the message about a difference; empty if there is none."""
    name = file.path.name
    if file.size is not None and status.st_size < file.size:
        return message("truncated", name=name, size=status.st_size, recorded=file.size)
    if file.size is not None and status.st_size > file.size:
        return message("too-long", name=name, size=status.st_size, recorded=file.size)
    if status.st_size > _LARGEST:
        return message("too-large-archive", name=name, size=status.st_size, limit=_LARGEST)
    actual = sha256_of(file.path)
    if actual != file.sha256:
        return message("hash-mismatch", name=name, recorded=file.sha256, actual=actual)
    return ""
