"""Owners and modes of files, and flags for opening them: everything that depends on the system.

Windows has neither user IDs nor modes. Access lists control who may write to a file there, and
those of a user's profile keep other users out. Nothing here reads them: on Windows, these functions
treat every file as the user's own.

Imports little, because the fastest answers of `temporal-libs-config` need this module.
"""

from __future__ import annotations

import os
import stat
import sys


def trusted_owners(trusted: str | os.PathLike[str]) -> set[int]:
    """Return the IDs of the users who may own archives; empty on systems without user IDs.

    Args:
        trusted: a file or directory whose owner is trusted, like the user and the administrator.
    """
    if sys.platform == "win32":
        return set()
    return {os.geteuid(), 0, os.stat(trusted).st_uid}


def is_owned_by(status: os.stat_result, owners: set[int]) -> bool:
    """Return whether one of the `trusted_owners` owns the file."""
    return not owners or status.st_uid in owners


def owner(status: os.stat_result) -> int:
    """Return the owner's user ID."""
    return status.st_uid


def mode(status: os.stat_result) -> str:
    """Return the mode as ``ls`` shows it."""
    return stat.filemode(status.st_mode)


def writers(file: str | os.PathLike[str], status: os.stat_result) -> str:
    """Return who, except the owner, may write to a file, or put files into a directory.

    Args:
        file: its path.
        status: its status.

    Returns:
        ``all``; ``group``; ``unknown`` if the file system has no modes; or ``""`` for nobody. In a
        directory with the sticky bit, users cannot replace files of other users. On Windows, the
        result is always ``""``.
    """
    if sys.platform == "win32":
        return ""
    if status.st_mode & stat.S_IWOTH:
        is_one_for_all = stat.S_IMODE(status.st_mode) in _MODES_FOR_ALL
        if is_one_for_all and _is_without_modes(status.st_dev):
            return "unknown"
        if not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
            return "all"
    return "group" if status.st_mode & stat.S_IWGRP else ""


def takes_files_of_all(status: os.stat_result) -> bool:
    """Return whether it is a directory with the sticky bit that every user may write to."""
    is_for_all = status.st_mode & stat.S_ISVTX and status.st_mode & stat.S_IWOTH
    return sys.platform != "win32" and stat.S_ISDIR(status.st_mode) and bool(is_for_all)


# Types of file systems that show the same mode for every file, or one for files and one for
# directories, as with fmask=0111.
_WITHOUT_MODES = frozenset(
    {
        *("9p", "cifs", "drvfs", "exfat", "fuse.vmhgfs-fuse", "fuseblk", "msdos", "ntfs", "ntfs3"),
        *("prl_fs", "smb3", "vboxsf", "vfat", "vmhgfs"),
    }
)
_MODES_FOR_ALL = (0o777, 0o666)
_MOUNTS = "/proc/self/mountinfo"


def _is_without_modes(device: int) -> bool:
    """Return whether a device is mounted as one of these types; always False except on Linux."""
    if sys.platform == "win32":
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            lines = [line.split() for line in mounts]
    except OSError:
        return False
    # The type follows a "-" after the mount point and its options.
    types = [line[line.index("-", 6) + 1] for line in lines if line[2] == number]
    return bool(types) and _WITHOUT_MODES.issuperset(types)


def is_users(status: os.stat_result) -> bool:
    """Return whether the user owns it."""
    return sys.platform == "win32" or status.st_uid == os.geteuid()


def is_users_or_administrators(status: os.stat_result) -> bool:
    """Return whether the user or the administrator owns it."""
    return sys.platform == "win32" or status.st_uid in (os.geteuid(), 0)


def is_writable_by_others(status: os.stat_result) -> bool:
    """Return whether anyone except the owner may write to it."""
    # On Windows, modes mean nothing.
    return sys.platform != "win32" and bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def is_link(status: os.stat_result) -> bool:
    """Return whether it is a symbolic link."""
    return stat.S_ISLNK(status.st_mode)


def is_directory(status: os.stat_result) -> bool:
    """Return whether it is a directory."""
    return stat.S_ISDIR(status.st_mode)


def is_regular(status: os.stat_result) -> bool:
    """Return whether it is a regular file, not a directory, named pipe or device."""
    return stat.S_ISREG(status.st_mode)


def make_private_directory(directory: str | os.PathLike[str]) -> None:
    """Create a directory that only the user may enter, whatever the umask, if it does not exist.

    On Windows, Python 3.13, and the latest releases of older series, give it an access list for
    the user and administrators. With earlier ones, it inherits the list of its parent.
    """
    try:
        os.mkdir(directory, mode=stat.S_IRWXU)
    except FileExistsError:
        return
    os.chmod(directory, stat.S_IRWXU)


def may_write(directory: str) -> bool:
    """Return whether the user may create files in a directory."""
    effective = os.access in os.supports_effective_ids
    return os.access(directory, os.W_OK | os.X_OK, effective_ids=effective)


# Opening does not wait for a named pipe, and child processes do not inherit the descriptor. On
# Windows, files cannot be named pipes, and descriptors are inherited only on request. But files
# must be opened in binary mode, or line ends change.
OPENING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def create_private_file(file: str) -> int:
    """Create a file that only the user may read.

    Returns:
        A descriptor for writing.
    """
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)


def describe_owner(status: os.stat_result) -> str:
    """Describe owner and mode for a message."""
    if sys.platform == "win32":
        return _UNKNOWN
    return f"{_name(status.st_uid)}, mode {stat.filemode(status.st_mode)}"


def describe_user() -> str:
    """Describe the user for a message."""
    if sys.platform == "win32":
        return _UNKNOWN
    return _name(os.geteuid())


_UNKNOWN = "unknown, because Windows has access lists instead of modes"


def _name(uid: int) -> str:
    if sys.platform == "win32":
        return _UNKNOWN
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
