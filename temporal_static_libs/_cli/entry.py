"""Where `temporal-libs-config` starts.

A build asks for directories and flags again and again. While it is remembered that the wheel's
archives have been verified, `recall` answers, before anything is loaded that other answers need.
"""

from __future__ import annotations

import sys

from .._console import EXIT_BROKEN, emit_outputs, report, settle
from .recall import is_own, remembered_answers

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; those of the process if None.

    Returns:
        The exit status, as `command.main` has it; 1 for what the system does not allow.
    """
    try:
        return _answer(sys.argv[1:] if argv is None else argv)
    except OSError as error:
        # What the system answers where nothing knows better; a message in place of a traceback.
        from .._messages import describe_os_error

        report(describe_os_error(error))
        return EXIT_BROKEN
    finally:
        settle()


def _answer(arguments: Sequence[str]) -> int:
    lines = remembered_answers(arguments) if is_own(sys.argv[0]) else None
    if lines is not None:
        return emit_outputs(lines)

    from . import command

    return command.main(arguments)
