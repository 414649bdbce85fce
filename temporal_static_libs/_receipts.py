"""Receipts of verified archives, so that later calls need not hash them again.

A receipt belongs to one directory of archives and one source: ``wheel``, ``override`` or
``compiled``. It contains the names of files, and for each file its device, inode, size and times
when all of them were verified. It contains the same for the directory, whose times change when a
file is added. While all of them are unchanged, the archives count as verified. The facts in the
receipt are then valid too, because they were read from one of the files.

A write to a file changes its ctime, which only the administrator can set back. The exception is a
store through a shared mapping: only the first store to a clean page sets the times. A process that
already had write access can therefore alter an archive unnoticed until the system has written the
page to disk. TEMPORAL_LIBS_VERIFY=always uses no receipts.

Receipts are in ``verified`` in the cache directory, one file each, which is always replaced as a
whole. If that directory cannot be written, or another user could write to it, there are no
receipts, and everything is hashed each time.

On Windows there are no receipts, and everything is hashed each time, because no file time there is
both changed by each write and protected. Python's ctime is the time when a file was created. Anyone
who may write can set mtime, and it changes only when the writer closes the file.

Paths are strings and imports few, because `temporal-libs-config` spends most of its time here.
"""

from __future__ import annotations

import os
import sys

from ._cache import cache_directory, make_own_directory, refuse_if_not_own
from ._errors import CompileError
from ._ownership import (
    create_private_file,
    is_users,
    is_users_or_administrators,
    is_writable_by_others,
    may_write,
)
from ._records import read_record

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._settings import Settings

    Directory = str | os.PathLike[str]
    Identity = tuple[int, ...]
    Receipt = dict[str, Identity]
    Kept = dict[str, str]

# Must change when the meaning of receipts changes.
_FORMAT = "temporal-static-libs receipt 3"

# The directory itself, among the names of its files.
_ITSELF = "."

# The number of receipts to keep: those of removed environments are useless.
_KEPT = 1000

# Two changes in such a short time can leave the same time in the file. On file systems that store
# times in seconds, or two seconds, the nanoseconds are 0.
_TICK = 20_000_000  # ns
_COARSE_TICK = 2_000_000_000  # ns


def identities(directory: Directory, names: Iterable[str]) -> Receipt:
    """Return the current identities of a directory, under the name ``.``, and of files in it.

    An identity is device, inode, size, mtime and ctime in ns, first of the name itself, then of the
    file it leads to. The two halves differ for a symbolic link.

    Raises:
        OSError: a file does not exist.
    """
    found = {}
    for name in dict.fromkeys((_ITSELF, *names)):
        file = os.path.join(directory, name)
        both = (os.lstat(file), os.stat(file))
        found[name] = tuple(
            number
            for it in both
            for number in (it.st_dev, it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns)
        )
    return found


def remembered(
    source: str,
    directory: Directory,
    settings: Settings,
    expected: Mapping[str, Identity] | None = None,
) -> bool:
    """Return whether a directory's archives were verified and have not changed since.

    Args:
        source: the source of the archives.
        directory: the directory of the archives.
        settings: the place of the receipts.
        expected: names of the files that must have been verified, with the identity of each file
            that has been read meanwhile, or an empty one. None to accept any files.
    """
    receipt, _ = _unchanged(source, directory, settings)
    if expected is None:
        return bool(receipt)
    return {_ITSELF, *expected} == set(receipt) and all(
        receipt[name] == identity for name, identity in expected.items() if identity
    )


def remembered_facts(source: str, directory: Directory, settings: Settings) -> Kept:
    """Return the facts in the receipt, if nothing has changed since; otherwise nothing."""
    return _unchanged(source, directory, settings)[1]


def remember(
    source: str,
    directory: Directory,
    settings: Settings,
    receipt: Receipt,
    facts: Kept | None = None,
) -> None:
    """Write a receipt for archives that have just been verified, if possible.

    Args:
        source: the source of the archives.
        directory: the directory of the archives.
        settings: the place of the receipts.
        receipt: the files' identities from before they were read.
        facts: other data to store, read from files in the receipt. Keys contain no tab; neither
            keys nor values contain a line break.
    """
    if not has_receipts():
        return
    try:
        if receipt != identities(directory, receipt) or _is_too_fresh(receipt.values()):
            return
        cache = cache_directory(settings)
        if not _may_be_made_below(_nearest(cache)):
            return
        make_own_directory(cache, may_be_link=True)
        make_own_directory(_memory(cache))
        _write(os.path.join(_memory(cache), _name(source, directory)), receipt, facts or {})
    except (OSError, CompileError):
        pass  # The next call hashes again.


def has_receipts() -> bool:
    """Return whether this system has the file times that receipts depend on."""
    return sys.platform != "win32"


def memory_directory(settings: Settings) -> str:
    """Return the directory of the receipts, an absolute path, which need not exist.

    Raises:
        CompileError: another user could put receipts there, or there is no place for them.
    """
    cache = cache_directory(settings)
    refuse_if_not_own(cache, may_be_link=True)
    refuse_if_not_own(_memory(cache))
    return _memory(cache)


def can_remember(settings: Settings) -> bool:
    """Return whether receipts can be written there. Nothing is written.

    Raises:
        CompileError: as for `memory_directory`.
    """
    place = _nearest(memory_directory(settings))
    return _may_be_made_below(place) and may_write(place)


def _memory(cache: str) -> str:
    return os.path.join(cache, "verified")


def _name(source: str, directory: Directory) -> str:
    status = os.stat(directory)
    return f"{source}-{status.st_dev}-{status.st_ino}"


def _unchanged(source: str, directory: Directory, settings: Settings) -> tuple[Receipt, Kept]:
    if not has_receipts():
        return {}, {}
    try:
        file = os.path.join(memory_directory(settings), _name(source, directory))
        status = os.lstat(file)
        if not is_users(status) or is_writable_by_others(status):
            return {}, {}  # It is another user's word.
        content = read_record(file)
        header, *lines = content.decode("utf-8", errors="surrogateescape").split("\n")
        between = lines.index("")
        receipt = {
            name: tuple(map(int, numbers.split()))
            for numbers, _, name in (line.partition("\t") for line in lines[:between])
        }
        facts = dict(line.split("\t", 1) for line in lines[between + 1 : -1])
        # A last line without an end was truncated. An empty receipt would match anything.
        is_whole = header == _FORMAT and receipt and between < len(lines) - 1 and lines[-1] == ""
        if is_whole and receipt == identities(directory, receipt):
            return receipt, facts
    except (OSError, ValueError, CompileError):
        pass
    return {}, {}


def _write(file: str, receipt: Receipt, facts: Kept) -> None:
    lines = [f"{' '.join(map(str, identity))}\t{name}" for name, identity in receipt.items()]
    kept = [f"{key}\t{value}" for key, value in facts.items()]
    content = "\n".join([_FORMAT, *lines, "", *kept, ""]).encode("utf-8", errors="surrogateescape")
    half_made = f"{file}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        descriptor = create_private_file(half_made)
        with open(descriptor, "wb") as stream:
            stream.write(content)
        os.replace(half_made, file)
    except OSError:
        if os.path.exists(half_made):
            os.unlink(half_made)
        raise
    _forget_oldest(os.path.dirname(file))


def _forget_oldest(memory: str) -> None:
    with os.scandir(memory) as entries:
        files = [entry.path for entry in entries]
    if len(files) > _KEPT:
        files.sort(key=lambda file: os.lstat(file).st_mtime_ns)
        for file in files[:-_KEPT]:
            os.unlink(file)


def _nearest(directory: str) -> str:
    """Return the directory, or its nearest parent that exists."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return directory


def _may_be_made_below(directory: str) -> bool:
    # Not as the administrator in another user's HOME, where the files would be in that user's way.
    # A directory for all users, such as /tmp, belongs to the administrator and is accepted.
    return is_users_or_administrators(os.stat(directory))


def _is_too_fresh(receipt: Iterable[Identity]) -> bool:
    import time

    now = time.time_ns()
    # The two ctimes.
    times = [time for identity in receipt for time in identity[4::5]]
    return any(now - time < (_TICK if time % 1_000_000_000 else _COARSE_TICK) for time in times)
