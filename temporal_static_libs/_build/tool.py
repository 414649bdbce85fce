"""Programs of this machine, and their versions."""

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
"""That of what Rust's programs and git print, as `subprocess` takes it."""

_ANSWER_WITHIN = 5  # seconds
_LARGEST_ANSWER = 64 << 10  # bytes
_GLANCE = 0.05  # seconds between looks at whether a program has ended
_PAUSE = 0.01  # seconds between looks at a pipe that cannot be waited for


@dataclass(frozen=True)
class Tool:
    """A program that can do its part.

    Attributes:
        path: of the executable, absolute.
        version: the first line of what it prints for ``--version``.
        environ: the environment to run it in.
        lock: the descriptor of the build's lock, which it inherits; None without one.
    """

    path: str
    version: str
    environ: Mapping[str, str] = field(repr=False)
    lock: int | None = None

    def run(self, arguments: Sequence[str | Path], cwd: Path | None = None) -> None:
        """Run it to its end.

        Args:
            arguments: its arguments. Paths are absolute.
            cwd: the directory to run it in.

        Raises:
            CompileError: it failed; the message holds what it printed.
        """
        status, printed = self._run(arguments, cwd)
        if status != 0:
            command = " ".join([self.path, *map(str, arguments)])
            run = {"program": self.path, "version": self.version, "command": command}
            raise CompileError(
                message("tool-failed", status=status, output=printed.strip() or "none", **run)
            )

    def lines(self, arguments: Sequence[str | Path]) -> list[str]:
        """Return the words that it prints, however it ends."""
        return self._run(arguments)[1].split()

    def _run(self, arguments: Sequence[str | Path], cwd: Path | None = None) -> tuple[int, str]:
        command = [self.path, *map(str, arguments)]
        with running(
            command, self.environ, cwd, lock=self.lock, stderr=subprocess.STDOUT
        ) as process:
            printed = output(process).read()
        return process.returncode, printed.decode("utf-8", errors="replace")


def program_on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """Return the absolute path of a program on an environment's PATH; None if it is not there.

    Directories that PATH has no absolute path of are left out: what is in them depends on where one
    happens to be, and in somebody else's project that is somebody else's program.
    """
    directories = environ.get("PATH", os.defpath).split(os.pathsep)
    if sys.platform == "win32" and not os.path.dirname(name):
        return _found_on_windows(name, directories, environ)
    path = os.pathsep.join(filter(os.path.isabs, directories))
    if os.path.dirname(name):  # one that a variable names; PATH has no say
        found = shutil.which(name)
    else:
        found = shutil.which(name, path=path) if path else None
    return None if found is None else os.path.abspath(found)


def _found_on_windows(
    name: str, directories: Sequence[str], environ: Mapping[str, str]
) -> str | None:
    # Not by shutil.which(), which looks into the working directory first.
    endings = [it for it in environ.get("PATHEXT", _PATHEXT).split(os.pathsep) if it]
    own = os.path.splitext(name)[1].lower()
    names = [name] if own in map(str.lower, endings) else [f"{name}{it}" for it in endings]
    for directory in (it.strip('"') for it in directories):
        if os.path.isabs(directory) and os.path.splitdrive(directory)[0]:
            for file in (os.path.join(directory, it) for it in names):
                if os.path.isfile(file):
                    return os.path.abspath(file)
    return None


_PATHEXT = ".COM;.EXE;.BAT;.CMD"  # where Windows has set no other


def executable(name: str) -> str:
    """Return the file name of a program that is no script."""
    return f"{name}.exe" if sys.platform == "win32" else name


def output_of(command: list[str], environ: Mapping[str, str]) -> str:
    """Return what a program prints, on both streams, however it ends; or why it does not run.

    It gets no input, 5 seconds, and room for 64 KiB. Then it ends, with what it has started.
    """
    try:
        with running(
            command,
            environ,
            # The working directory may be gone, or have modules that an interpreter would load.
            Path(os.sep),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            patience=0,
        ) as process:
            printed, is_over = _read_a_little(process)
            end_group(process, patience=0)
    except OSError as error:
        return f"does not run: {error.strerror}"
    text = printed.decode("utf-8", errors="replace")
    return text if is_over or text.strip() else f"does not answer in {_ANSWER_WITHIN} seconds"


def _read_a_little(process: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
    """Read what a program prints.

    Returns:
        What it has printed, and whether it has ended or has printed too much.
    """
    pipe = output(process)
    deadline = time.monotonic() + _ANSWER_WITHIN
    printed = b""
    while len(printed) < _LARGEST_ANSWER:
        # What it has started may keep the pipe open: after its end only what is there is read.
        has_ended = process.poll() is not None
        wait = 0.0 if has_ended else min(max(deadline - time.monotonic(), 0), _GLANCE)
        if _is_readable(pipe, wait):
            piece = os.read(pipe.fileno(), _LARGEST_ANSWER - len(printed))
            printed += piece
            if not piece:
                return printed, True
        elif has_ended:
            return printed, True
        elif time.monotonic() >= deadline:
            return printed, False
    return printed, True


def _is_readable(pipe: IO[bytes], wait: float) -> bool:
    """Return whether there is something to read, or the end, within some seconds."""
    if sys.platform != "win32":
        return bool(select.select([pipe], [], [], wait)[0])
    # Where `select` knows no pipes.
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
    """Return lines for a message, each with a tool that was found and does not do."""
    return "".join(f"\n  not usable: {tool.path} ({tool.version})" for tool in tools)


def release_of(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, to be compared with another's.

    Args:
        version: for example ``1.95.0``, ``20.3b1`` or ``11.0``.

    Returns:
        Without zeros at the end, because 11 and 11.0 are one version; empty if it begins with none.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
