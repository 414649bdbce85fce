"""Find and run programs of this machine, and read their versions."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .._errors import CompileError
from .._messages import message
from .process import end_group, output, running

ENCODING = "utf-8" if sys.platform == "win32" else None
"""The encoding of the output of Rust's programs and git, for `subprocess`."""

_TIMEOUT = 5  # seconds
_MAX_OUTPUT = 64 << 10  # bytes
_CHECK_INTERVAL = 0.05  # seconds between checks whether a program has ended
_PAUSE = 0.01  # seconds between checks of a pipe that cannot be waited for


@dataclass(frozen=True)
class Tool:
    """A program that meets the requirements.

    Attributes:
        path: absolute path of the executable.
        version: the first line that it prints for ``--version``.
        environ: the environment to run it in.
        lock: the descriptor of the build's lock, which it inherits; None without one.
    """

    path: str
    version: str
    environ: Mapping[str, str] = field(repr=False)
    lock: int | None = None

    def run(self, arguments: Sequence[str | Path], cwd: Path | None = None) -> None:
        """Run it until it ends.

        Args:
            arguments: its arguments, with absolute paths.
            cwd: the directory to run it in.

        Raises:
            CompileError: it failed; the message contains its output.
        """
        status, printed = self._run(arguments, cwd)
        if status != 0:
            command = " ".join([self.path, *map(str, arguments)])
            run = {"program": self.path, "version": self.version, "command": command}
            raise CompileError(
                message("tool-failed", status=status, output=printed.strip() or "none", **run)
            )

    def lines(self, arguments: Sequence[str | Path]) -> list[str]:
        """Return the words that it prints, regardless of its exit status."""
        return self._run(arguments)[1].split()

    def _run(self, arguments: Sequence[str | Path], cwd: Path | None = None) -> tuple[int, str]:
        command = [self.path, *map(str, arguments)]
        with running(
            command, self.environ, cwd, lock=self.lock, stderr=subprocess.STDOUT
        ) as process:
            printed = output(process).read()
        return process.returncode, printed.decode("utf-8", errors="replace")


def program_on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """Return the absolute path of a program on an environment's PATH; None if there is none.

    Relative directories are skipped: they depend on the working directory, and in somebody else's
    project they may contain somebody else's programs.
    """
    directories = environ.get("PATH", os.defpath).split(os.pathsep)
    if sys.platform == "win32" and not os.path.dirname(name):
        return _found_on_windows(name, directories, environ)
    path = os.pathsep.join(filter(os.path.isabs, directories))
    if os.path.dirname(name):  # named by a variable, without using PATH
        found = shutil.which(name)
    else:
        found = shutil.which(name, path=path) if path else None
    return None if found is None else os.path.abspath(found)


def _found_on_windows(
    name: str, directories: Sequence[str], environ: Mapping[str, str]
) -> str | None:
    # Without shutil.which(), which searches the working directory first.
    endings = [it for it in environ.get("PATHEXT", _PATHEXT).split(os.pathsep) if it]
    own = os.path.splitext(name)[1].lower()
    names = [name] if own in map(str.lower, endings) else [f"{name}{it}" for it in endings]
    for directory in (it.strip('"') for it in directories):
        if os.path.isabs(directory) and os.path.splitdrive(directory)[0]:
            for file in (os.path.join(directory, it) for it in names):
                if os.path.isfile(file):
                    return os.path.abspath(file)
    return None


_PATHEXT = ".COM;.EXE;.BAT;.CMD"  # if Windows has not set it


def executable(name: str) -> str:
    """Return the file name of a program that is not a script."""
    return f"{name}.exe" if sys.platform == "win32" else name


def output_of(command: list[str], environ: Mapping[str, str]) -> str:
    """Return a program's output from both streams, regardless of its status, or why it did not run.

    It gets no input. After 5 seconds or 64 KiB, it is ended with its child processes.
    """
    try:
        with running(
            command,
            environ,
            # The working directory may be gone, or contain modules that an interpreter would load.
            Path(os.sep),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            patience=0,
        ) as process:
            printed, is_done = _read_output(process)
            end_group(process, patience=0)
    except OSError as error:
        return f"does not run: {error.strerror}"
    text = printed.decode("utf-8", errors="replace")
    return text if is_done or text.strip() else f"did not respond within {_TIMEOUT} seconds"


def _read_output(process: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
    """Read a program's output.

    Returns:
        The output, and whether the program has ended or printed too much.
    """
    pipe = output(process)
    deadline = time.monotonic() + _TIMEOUT
    printed = b""
    while len(printed) < _MAX_OUTPUT:
        # Child processes may keep the pipe open: after the program's end, only read what is there.
        has_ended = process.poll() is not None
        wait = 0.0 if has_ended else min(max(deadline - time.monotonic(), 0), _CHECK_INTERVAL)
        if _is_readable(pipe, wait):
            piece = os.read(pipe.fileno(), _MAX_OUTPUT - len(printed))
            printed += piece
            if not piece:
                return printed, True
        elif has_ended:
            return printed, True
        elif time.monotonic() >= deadline:
            return printed, False
    return printed, True


def _is_readable(pipe: IO[bytes], wait: float) -> bool:
    """Return whether there is output or an end of file within `wait` seconds."""
    if sys.platform != "win32":
        return bool(select.select([pipe], [], [], wait)[0])
    # On Windows, `select` does not support pipes.
    import _winapi
    import msvcrt

    deadline = time.monotonic() + wait
    while True:
        try:
            if _winapi.PeekNamedPipe(msvcrt.get_osfhandle(pipe.fileno()), 0)[0]:
                return True
        except OSError:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)


def unusable(tools: Sequence[Tool]) -> str:
    """Return lines for a message, one for each tool that was found but cannot be used."""
    return "".join(f"\n  not usable: {tool.path} ({tool.version})" for tool in tools)


def release_of(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a version, for comparisons.

    Args:
        version: for example ``1.95.0``, ``20.3b1`` or ``11.0``.

    Returns:
        The numbers without trailing zeros, because 11 and 11.0 are equal; empty if there are none.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
