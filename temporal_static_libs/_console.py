"""What `temporal-libs-config` says: answers to stdout, troubles to stderr."""

from __future__ import annotations

import os
import sys

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROG = "temporal-libs-config"

EXIT_BROKEN = 1
EXIT_USAGE = 2


def complain(message: str, kind: str = "error") -> None:
    """Say what is wrong."""
    # print() takes a file of None, which a closed stderr leaves, to mean stdout.
    if sys.stderr is not None:
        print(f"{PROG}: {kind}: {message}", file=sys.stderr)


def write(lines: Iterable[str]) -> int:
    """Print the answers.

    Returns:
        The exit status: 1 if they cannot be printed.
    """
    text = "".join(f"{line}\n" for line in lines)
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        # As bytes: a path may hold bytes that are no characters of the locale.
        sys.stdout.buffer.write(os.fsencode(text))
        sys.stdout.buffer.flush()
    except OSError as error:
        _give_up_stdout()
        if not isinstance(error, BrokenPipeError):  # whose reader had enough, and knows it
            complain(f"cannot write to standard output: {error.strerror or error}")
        return EXIT_BROKEN
    return 0


def _give_up_stdout() -> None:
    # Else the interpreter flushes what is left once more at exit, and reports that as well.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
