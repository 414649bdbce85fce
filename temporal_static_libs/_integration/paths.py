"""Characters in paths that the readers of a file or an answer misinterpret, even if quoted.

On Windows, every absolute path contains a colon and backslashes, which CMake and pkgconf handle:
CMake converts backslashes to slashes, and pkgconf splits only at semicolons.
"""

from __future__ import annotations

import os
import sys

from .._errors import TemporalStaticLibsError
from .._messages import message

# Includes those of Makefiles, which CMake generates by default: a quote ends a string, and `$(`
# begins a variable.
CMAKE = (";", "|", "\\", ":", "$<", "$(", '"', "\t", "\r", "\n")
# For pkgconf, some of them are syntax, and the others end an argument.
PKG_CONFIG = ("\\", ":", "${", "'", '"', "`", "\t", "\r", "\n")
LINES = ("\n",)
_OF_WINDOWS = ("\\", ":")

_NAMES = {"\t": "a tab", "\r": "a carriage return", "\n": "a line break"}


def found_in(path: str, characters: tuple[str, ...]) -> str:
    """Return the first of the characters that a path contains; empty if it contains none."""
    passed = _OF_WINDOWS if sys.platform == "win32" else ()
    return next((it for it in characters if it in path and it not in passed), "")


def refuse_characters(
    path: str | os.PathLike[str], characters: tuple[str, ...], option: str, instead: str
) -> None:
    """Check that a path contains none of these characters.

    Args:
        path: the path, or an answer that contains it.
        characters: the characters that its readers misinterpret.
        option: the option to be answered.
        instead: an option that works with any path.

    Raises:
        TemporalStaticLibsError: it contains one.
    """
    found = found_in(os.fspath(path), characters)
    if found:
        values = {"character": _NAMES.get(found, repr(found)), "file": repr(os.fspath(path))}
        raise TemporalStaticLibsError(
            message("path-character", option=option, instead=instead, **values)
        )
