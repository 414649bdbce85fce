"""Where `temporal-libs-config` starts.

A build asks for directories again and again. While it is remembered that the wheel's archives have
been verified, that is answered here, before anything is loaded that other answers need.
"""

from __future__ import annotations

import os
import sys

from .._about import __version__
from .._console import emit_outputs
from .._errors import SettingError
from .._receipts import remembered
from .._settings import Settings

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = os.path.dirname(os.path.dirname(__file__))
_LIB = os.path.join(_PREFIX, "lib")

# What `command` answers too; a test compares them.
_ANSWERS = {
    "--version": __version__,
    "--prefix": _PREFIX,
    "--libdir": _LIB,
    "--includedir": os.path.join(_PREFIX, "include"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; those of the process if None.

    Returns:
        The exit status, as `command.main` has it.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if _is_simple(arguments) and _is_remembered():
        return emit_outputs(_ANSWERS[argument] for argument in arguments)

    from . import command

    return command.main(arguments)


def _is_simple(arguments: Sequence[str]) -> bool:
    return bool(arguments) and all(argument in _ANSWERS for argument in arguments)


def _is_remembered() -> bool:
    try:
        settings = Settings.from_environ()
    except SettingError:
        return False  # which `command` tells
    return settings.wheel_only and remembered("wheel", _LIB, settings)
