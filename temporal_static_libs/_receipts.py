"""What has been verified on this machine, so that asking again costs no hash.

A receipt stands for one directory of archives, and the way they became the active ones: ``wheel``,
``override`` or ``compiled``, the source. It has names of files, and of each file its device, inode,
size and times as they were when all of them had been found to be right; so it has of the directory,
whose times change when a file is added. While they are the same, the archives count as verified,
and the facts that the receipt keeps hold, because what they were read from is one of the files.

A file that is written to gets another ctime, which nobody but the administrator can put back. The
exception is a store through a shared mapping: only the first one to a page that is clean sets the
times. Whoever had write access before can so alter an archive unnoticed until the system has
written the page to the disk. TEMPORAL_LIBS_VERIFY=always goes by no receipt.

Receipts are in ``verified`` in the cache directory, which the settings name, a file each, replaced
whole. Where that cannot be written to, or is not the user's alone, there are none, and everything
is hashed each time.

On Windows there are no receipts, and everything is hashed each time: no time of a file there is
changed by each write and can be put back by nobody. Python's ctime is the time when a file was
made, mtime is set by whoever may write, and only when the writer closes the file.

Paths are strings, and little is imported: this is what `temporal-libs-config` mostly spends its
time with.
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

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._settings import Settings

    Directory = str | os.PathLike[str]
    Identity = tuple[int, ...]
    Receipt = dict[str, Identity]
    Kept = dict[str, str]

# Changes when a receipt of one version would mean something else to another.
_FORMAT = "temporal-static-libs receipt 3"

# The directory, among the names of its files.
_ITSELF = "."

# Receipts of environments that are long gone need not be kept.
_KEPT = 1000

# A change so soon after another can leave the same time in the file; file systems that count whole
# seconds, or two, have none in the rest.
_TICK = 20_000_000  # ns
_COARSE_TICK = 2_000_000_000  # ns


def identities(directory: Directory, names: Iterable[str]) -> Receipt:
    """Return the identities that a directory, as ``.``, and files of it have now.

    An identity is device, inode, size, mtime and ctime in ns: of the name itself, and of what it
    leads to. The halves differ for a symbolic link.

    Raises:
        OSError: there is no such file.
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
    """Return whether a directory's archives have been verified, and nothing has changed since.

    Args:
        source: what they were verified as.
        directory: where they are.
        settings: what says where the receipts are.
        expected: names of the files that must have been verified, with the identity of those that
            have been read meanwhile, and an empty one for the others. None for whatever was.
    """
    receipt, _ = _unchanged(source, directory, settings)
    if expected is None:
        return bool(receipt)
    return {_ITSELF, *expected} == set(receipt) and all(
        receipt[name] == identity for name, identity in expected.items() if identity
    )


def remembered_facts(source: str, directory: Directory, settings: Settings) -> Kept:
    """Return the facts that were kept with the archives, if nothing has changed since."""
    return _unchanged(source, directory, settings)[1]


def remember(
    source: str,
    directory: Directory,
    settings: Settings,
    receipt: Receipt,
    facts: Kept | None = None,
) -> None:
    """Keep that a directory's archives have just been verified, if it can be kept.

    Args:
        source: what they were verified as.
        directory: where they are.
        settings: what says where the receipts are.
        receipt: the files' identities from before they were read.
        facts: what else is to be kept, read from files of the receipt. No key has a tab in it, and
            nothing a line break.
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
        pass  # The next call hashes again; that is all.


def has_receipts() -> bool:
    """Return whether this system has the times that a receipt depends on."""
    return sys.platform != "win32"


def memory_directory(settings: Settings) -> str:
    """Return where receipts are kept, if they can be: an absolute path, which need not exist.

    Raises:
        CompileError: somebody else could put receipts there, or there is no place for them.
    """
    cache = cache_directory(settings)
    refuse_if_not_own(cache, may_be_link=True)
    refuse_if_not_own(_memory(cache))
    return _memory(cache)


def can_remember(settings: Settings) -> bool:
    """Return whether receipts can be kept there. Nothing is written.

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
        # The last line ends too, or it was cut; and a receipt of nothing would hold for anything.
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
    """Return the directory, or the nearest above it that there is."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return directory


def _may_be_made_below(directory: str) -> bool:
    # Not as the administrator with a user's HOME: it would be in that user's way. But in a
    # directory for everybody, such as /tmp, which is the administrator's.
    return is_users_or_administrators(os.stat(directory))


def _is_too_fresh(receipt: Iterable[Identity]) -> bool:
    import time

    now = time.time_ns()
    # The two ctimes.
    times = [time for identity in receipt for time in identity[4::5]]
    return any(now - time < (_TICK if time % 1_000_000_000 else _COARSE_TICK) for time in times)
