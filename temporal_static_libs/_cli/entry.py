"""The entry point of `temporal-libs-config`.

A build runs the command many times. While a receipt of the wheel's archives is valid, `recall`
answers, and no other modules are loaded.
"""

from __future__ import annotations

import sys

from .._console import EXIT_BROKEN, emit_outputs, report, settle
from .recall import is_own, remembered_answers

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; None for those of the process.

    Returns:
        The exit status of `command.main`, or 1 for an error of the system.
    """
    try:
        return _answer(sys.argv[1:] if argv is None else argv)
    except OSError as error:
        # An error of the system that no other code handles: a message instead of a traceback.
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
