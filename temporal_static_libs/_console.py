"""Text that programs and people read: answers on stdout; problems and progress on stderr."""

from __future__ import annotations

import os
import sys

# Type checkers take it for typing's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

PROG = "temporal-libs-config"

EXIT_BROKEN = 1
EXIT_USAGE = 2


def notice(text: str, end: str = "\n") -> None:
    """Write text to stderr as it is, if anybody reads it."""
    # None is a stderr that was closed; print() would take it to mean stdout.
    if sys.stderr is not None:
        if not text.isascii():
            # Bytes of a path that are no characters, as a shell writes them.
            text = text.translate({0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)})
        try:
            sys.stderr.write(f"{text}{end}")
            sys.stderr.flush()
        except OSError:
            pass  # one that nobody reads any more is no reason to stop


def report(problem: str, kind: str = "error") -> None:
    """Report a problem of the command on stderr."""
    notice(f"{PROG}: {kind}: {problem}")


def emit_outputs(lines: Iterable[str]) -> int:
    """Print the answers.

    Returns:
        The exit status: 1 if they cannot be printed.
    """
    text = "".join(f"{line}\n" for line in lines)
    try:
        if sys.stdout is None:
            raise OSError
        # As bytes: a path may hold bytes that are no characters of the locale.
        sys.stdout.buffer.write(encoded(text))
        sys.stdout.buffer.flush()
    except OSError as error:
        if sys.stdout is not None:
            _give_up(sys.stdout)
        if not _is_broken_pipe(error):  # whose reader had enough, and knows it
            from ._messages import message

            reason = error.strerror or message("stdout-closed")
            report(message("stdout-unwritable", reason=reason))
        return EXIT_BROKEN
    return 0


def _is_broken_pipe(error: OSError) -> bool:
    # 22 is EINVAL, which is all that Windows makes of it.
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == 22)


def settle() -> None:
    """Give up, at the end of the command, what no stream takes.

    Else the interpreter tries once more, reports that, and changes the exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                _give_up(stream)


def _give_up(stream: TextIO) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def encoded(text: str) -> bytes:
    """Return the bytes of text with paths in it: theirs, or UTF-8 if the locale has none.

    On Windows it is UTF-8, as the shells of Git and MSYS2 and all readers of JSON expect it.
    """
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="surrogateescape")


def stderr_of_programs() -> int | None:
    """Return what `subprocess` takes as the stderr of a program that reports its progress."""
    from subprocess import DEVNULL

    return None if sys.stderr is not None else DEVNULL
