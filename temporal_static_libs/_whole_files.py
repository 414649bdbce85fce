"""Atomic creation of files and links.

Each is created under a random name in the same directory, and then renamed. A killed process leaves
such a file behind. It does no harm, and old ones are removed when something is created there.

On Windows, a file that another process has open cannot be replaced, for example while a virus
scanner reads it. The rename is then repeated for a while before it fails.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.new", re.DOTALL)
_LEFT_OVER_AFTER = 24 * 60 * 60  # seconds
_PATIENCE = 2.0  # seconds for another process to close a file
_PAUSE = 0.02  # seconds between tries


def write_whole(file: Path, content: bytes) -> None:
    """Write a file, with the permissions of the umask.

    Raises:
        OSError: it cannot be written. An earlier file is unchanged, and no other file is left.
    """
    new = _new_name(file)
    try:
        with open(new, "xb") as stream:
            stream.write(content)
        rename(new, file)
    except BaseException:
        _remove(new)
        raise


def link_whole(link: Path, target: bytes) -> None:
    """Create a symbolic link.

    Args:
        link: the path of the link.
        target: its target.

    Raises:
        OSError: as for `write_whole`.
    """
    new = _new_name(link)
    try:
        os.symlink(target, os.fsencode(new))
        os.replace(new, link)
    except BaseException:
        _remove(new)
        raise


def rename(old: Path, new: Path) -> None:
    """Rename a file or a directory, and replace a file that has the new name.

    Raises:
        OSError: it failed. On Windows, it also fails if another process keeps one of them, or a
            file in the directory, open for more than two seconds.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            os.replace(old, new)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def remove_leftovers(directory: Path, name: str | None = None) -> None:
    """Remove files that killed processes left in a directory more than a day ago, if possible.

    Args:
        directory: the directory.
        name: the name of the file that was being created; None for all files.
    """
    oldest = time.time() - _LEFT_OVER_AFTER
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            found = _LEFTOVER.fullmatch(entry.name)
            if found is None or name not in (None, found["name"]):
                continue
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)


def _new_name(file: Path) -> Path:
    return file.with_name(f".{file.name}.{secrets.token_hex(8)}.new")


def _remove(file: Path) -> None:
    # The error that is being raised is more useful than one from here.
    with suppress(OSError):
        os.unlink(file)
