"""All questions of owner and mode. A system without user ids and modes changes this file only.

Little is imported: this belongs to the quickest answers of `temporal-libs-config`.
"""

from __future__ import annotations

import os
import stat


def trusted_owners(trusted: str | os.PathLike[str]) -> set[int]:
    """Return the ids of those who may own archives.

    Args:
        trusted: a file or directory whose owner may, like the user and the administrator.
    """
    return {os.geteuid(), 0, os.stat(trusted).st_uid}


def owner(status: os.stat_result) -> int:
    """Return the owner's id."""
    return status.st_uid


def is_users(status: os.stat_result) -> bool:
    """Return whether the user owns it."""
    return status.st_uid == os.geteuid()


def is_trusted_link(status: os.stat_result) -> bool:
    """Return whether nobody but the user or the administrator can have made a symbolic link."""
    return status.st_uid in (os.geteuid(), 0)


def is_writable_by_others(status: os.stat_result) -> bool:
    """Return whether anybody but the owner may write to it."""
    return bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def is_link(status: os.stat_result) -> bool:
    """Return whether it is a symbolic link."""
    return stat.S_ISLNK(status.st_mode)


def is_directory(status: os.stat_result) -> bool:
    """Return whether it is a directory."""
    return stat.S_ISDIR(status.st_mode)


def is_regular(status: os.stat_result) -> bool:
    """Return whether it is a regular file: no directory, named pipe or device."""
    return stat.S_ISREG(status.st_mode)


def make_private_directory(directory: str | os.PathLike[str]) -> None:
    """Make a directory that only the user may enter, whatever the umask, if it is not there."""
    try:
        os.mkdir(directory, mode=stat.S_IRWXU)
    except FileExistsError:
        return
    os.chmod(directory, stat.S_IRWXU)


def create_private_file(file: str) -> int:
    """Make a file that only the user may read.

    Returns:
        A descriptor to write to.
    """
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)


def describe_owner(status: os.stat_result) -> str:
    """Describe owner and mode for a message."""
    return f"{_name(status.st_uid)}, mode {stat.filemode(status.st_mode)}"


def describe_user() -> str:
    """Describe the user for a message."""
    return _name(os.geteuid())


def _name(uid: int) -> str:
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
