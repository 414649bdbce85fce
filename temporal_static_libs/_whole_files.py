"""Files and links that are made whole or not at all.

Each is made under a random name next to its place, which it then takes. A killed process leaves
such a name behind; none is in anybody's way, and old ones go when something is made there.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.new", re.DOTALL)
_LEFT_OVER_AFTER = 24 * 60 * 60  # seconds


def write_whole(file: Path, content: bytes) -> None:
    """Write a file, with the permissions that the umask gives.

    Raises:
        OSError: it cannot be written. What was there before is there still, and nothing else.
    """
    new = _new_name(file)
    try:
        with open(new, "xb") as stream:
            stream.write(content)
        os.replace(new, file)
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
