"""Files and links that are made whole or not at all.

Each is made under a random name next to its place, which it then takes. A killed process leaves
such a name behind; none is in anybody's way, and old ones go when something is made there.

On Windows nothing can take the name of a file that another process has open, such as a scanner for
viruses that looks at what is new. That is tried again for a while, and then it is an error.
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
    """Write a file, with the permissions that the umask gives.

    Raises:
        OSError: it cannot be written. What was there before is there still, and nothing else.
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
    """Make a symbolic link.

    Args:
        link: the link.
        target: where it leads.

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
    """Remove what killed processes have left in a directory more than a day ago, if possible.

    Args:
        directory: the directory.
        name: of the file that was to be made; None for all files.
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
    # The error that is on its way says more than one of this.
    with suppress(OSError):
        os.unlink(file)
