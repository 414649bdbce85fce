"""Output of the command: answers on stdout; problems and progress on stderr."""

from __future__ import annotations

import os
import sys

# Type checkers treat it as typing.TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

PROG = "temporal-libs-config"

EXIT_BROKEN = 1
EXIT_USAGE = 2


def notice(text: str, end: str = "\n") -> None:
    """Write text to stderr, and ignore errors."""
    # None means that stderr was closed; print() would use stdout instead.
    if sys.stderr is not None:
        if not text.isascii():
            # Bytes of a path that are not valid characters, escaped as in a shell.
            text = text.translate({0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)})
        try:
            sys.stderr.write(f"{text}{end}")
            sys.stderr.flush()
        except OSError:
            pass  # for example if the reader has closed the pipe


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
        # As bytes: a path may contain bytes that are not valid in the locale.
        sys.stdout.buffer.write(encoded(text))
        sys.stdout.buffer.flush()
    except OSError as error:
        if sys.stdout is not None:
            _give_up(sys.stdout)
        if not _is_broken_pipe(error):  # then the reader stopped reading on purpose
            from ._messages import message

            reason = error.strerror or message("stdout-closed")
            report(message("stdout-unwritable", reason=reason))
        return EXIT_BROKEN
    return 0


def _is_broken_pipe(error: OSError) -> bool:
    # On Windows, the error is 22, EINVAL.
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == 22)


def settle() -> None:
    """Flush the streams at the end of the command, and drop output that cannot be written.

    Otherwise, the interpreter tries again, reports the error, and changes the exit status.
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
    """Encode text that contains paths: in the locale's encoding, or UTF-8 if that fails.

    On Windows, this is UTF-8, which the shells of Git and MSYS2 and all readers of JSON expect.
    """
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="surrogateescape")


def stderr_of_programs() -> int | None:
    """Return the `subprocess` argument for the stderr of a program that reports its progress."""
    from subprocess import DEVNULL

    return None if sys.stderr is not None else DEVNULL
