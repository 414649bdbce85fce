"""Run the programs of a build: they end with it, and hold its lock while they run.

On Windows, they are in the console's group, so that Ctrl-C reaches them and this process, and in a
job, which ends with this process. They need no lock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .job import Job

# Signals that a terminal, a shell or a shutdown sends, as far as the system has them.
_NAMES = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
_ENDING = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

_PATIENCE = 3  # seconds for a program to end itself

# The job of each running program, on Windows.
_JOBS: dict[subprocess.Popen[bytes], Job] = {}


@contextmanager
def running(
    command: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path | None = None,
    *,
    lock: int | None = None,
    stdin: int | None = None,
    stderr: int | None = None,
    patience: float = _PATIENCE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group, which is ended if the block ends with an error or a signal.

    A signal that would end this process ends the program and its child processes, then raises
    KeyboardInterrupt, or SystemExit with a shell's status for that signal. Signals are handled only
    in the main thread, and only if the process neither handles nor ignores them.

    Args:
        command: the program and its arguments.
        environ: its environment.
        cwd: the directory to run it in.
        lock: a descriptor that it and its child processes inherit.
        stdin: as for `subprocess.Popen`.
        stderr: as for `subprocess.Popen`.
        patience: seconds for it to end itself before it is killed.

    Yields:
        The program, whose standard output is a pipe.

    Raises:
        OSError: it cannot be started.
    """
    with _held_back() as signals:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            # A terminal's Ctrl-C then reaches only this process, which ends the whole group.
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
        with process:
            try:
                _put_into_job(process)
                signals.let_through()
                yield process
                process.wait()
                _release_from_job(process)
            except BaseException:
                signals.hold_back()
                end_group(process, patience)
                raise


def output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Return the pipe of a program's standard output."""
    assert process.stdout is not None
    return process.stdout


def end_group(process: subprocess.Popen[bytes], patience: float) -> None:
    """End a program and its child processes.

    Args:
        process: the program that `running` yields.
        patience: seconds for it to end itself before it is killed; ignored on Windows, where it
            cannot be asked to end.
    """
    if sys.platform == "win32":
        if (job := _JOBS.pop(process, None)) is not None:
            job.end()
        with suppress(OSError):
            process.kill()
        process.wait()
        return
    try:
        if patience:
            _send(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
    finally:
        # Also child processes that outlive the program.
        _send(process, signal.SIGKILL)
        process.wait()


def _put_into_job(process: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32":
        return
    # The program may have ended already, or be in a job that allows no other; or Python may lack
    # ctypes.
    with suppress(OSError, ImportError):
        from .job import Job

        _JOBS[process] = Job(process.pid)


def _release_from_job(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32" and (job := _JOBS.pop(process, None)) is not None:
        with suppress(OSError):
            job.release()


def _send(process: subprocess.Popen[bytes], number: int) -> None:
    if sys.platform == "win32":
        return
    # macOS raises PermissionError for a zombie's group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class _Signals:
    """Signals that would end this process: raised as exceptions, immediately or later."""

    def __init__(self) -> None:
        self._is_held = True
        self._waiting: int | None = None

    def take(self, number: int, _: FrameType | None) -> None:
        if self._is_held:
            self._waiting = number
        else:
            _raise(number)

    def let_through(self) -> None:
        self._is_held = False
        if self._waiting is not None:
            number, self._waiting = self._waiting, None
            _raise(number)

    def hold_back(self) -> None:
        self._is_held = True


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


@contextmanager
def _held_back() -> Iterator[_Signals]:
    signals = _Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    # Skip signals that are ignored, as under nohup, and those with a handler.
    defaults = (signal.SIG_DFL, signal.default_int_handler)
    before = {it: signal.getsignal(it) for it in _ENDING if signal.getsignal(it) in defaults}
    try:
        for number in before:
            signal.signal(number, signals.take)
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    signals.let_through()
