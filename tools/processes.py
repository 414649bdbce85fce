"""Child processes that never outlive the block they were started for."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PATIENCE = 10.0


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process; when the block ends in any way, stop it and all its children.

    Args:
        command: the program and its arguments. Raises OSError if it cannot be started.
        log: the file for both of its output streams, emptied first.
        cwd: its working directory.
        env: its whole environment; None is this process's.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        with log.open("wb") as output, _signals_deferred():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                # In a new process group: its children can be stopped with it, and a Ctrl-C in
                # the terminal reaches it through this process, in a known order.
                start_new_session=True,
            )
        yield process
    finally:
        if process is not None:
            with _signals_deferred():
                _stop(process)


def tail(log: Path, lines: int = 30) -> str:
    """Return the last lines of a log, indented, for an error message."""
    shown = log.read_text(errors="replace").rstrip().splitlines()[-lines:] or ["(nothing)"]
    return "\n".join(f"    {line}" for line in shown)


def _stop(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
    # Processes that did not end in time, and children that outlive their parent.
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # macOS raises PermissionError for a group in which all processes have ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Defer SIGINT and SIGTERM, which could lose a process while it is started or stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread runs signal handlers
        return
    arrived: list[int] = []
    previous = {
        number: signal.signal(number, lambda arriving, _frame: arrived.append(arriving))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for late in arrived:
            signal.raise_signal(late)
