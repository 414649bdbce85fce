"""Characters in a path that no quoting gets past the readers of a file or of an answer.

On Windows each absolute path has a colon and backslashes. CMake and pkgconf read those as Windows
does there: the first turns them into forward slashes, and the second splits at semicolons only.
"""

from __future__ import annotations

import os
import sys

from .._errors import TemporalStaticLibsError
from .._messages import message

# With Makefiles too, which CMake writes by default: they end a string at a quote, and take what
# `$(` begins for a variable.
CMAKE = (";", "|", "\\", ":", "$<", "$(", '"', "\t", "\r", "\n")
# pkgconf takes some of them for syntax, and the others for the end of an argument.
PKG_CONFIG = ("\\", ":", "${", "'", '"', "`", "\t", "\r", "\n")
LINES = ("\n",)
_OF_WINDOWS = ("\\", ":")

_NAMES = {"\t": "a tab", "\r": "a carriage return", "\n": "a line break"}


def found_in(path: str, characters: tuple[str, ...]) -> str:
    """Return the first of the characters that a path has; an empty text if it has none."""
    passed = _OF_WINDOWS if sys.platform == "win32" else ()
    return next((it for it in characters if it in path and it not in passed), "")


def refuse_characters(
    path: str | os.PathLike[str], characters: tuple[str, ...], option: str, instead: str
) -> None:
    """Check that a path has none of some characters.

    Args:
        path: what an answer leads to, or an answer with a path in it.
        characters: what its readers do not take.
        option: the one that is to be answered.
        instead: the option that answers for any path.

    Raises:
        TemporalStaticLibsError: it has one.
    """
    found = found_in(os.fspath(path), characters)
    if found:
        values = {"character": _NAMES.get(found, repr(found)), "file": repr(os.fspath(path))}
        raise TemporalStaticLibsError(
            message("path-character", option=option, instead=instead, **values)
        )
