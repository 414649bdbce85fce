"""Programs of this machine, and their versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .._errors import CompileError
from .._messages import message


@dataclass(frozen=True)
class Tool:
    """A program that can do its part.

    Attributes:
        path: of the executable, absolute.
        version: the first line of what it prints for ``--version``.
        environ: the environment to run it in.
    """

    path: str
    version: str
    environ: Mapping[str, str] = field(repr=False)

    def run(self, arguments: Sequence[str | Path], cwd: Path | None = None) -> None:
        """Run it to its end.

        Args:
            arguments: its arguments. Paths are absolute.
            cwd: the directory to run it in.

        Raises:
            CompileError: it failed; the message holds what it printed.
        """
        command = [self.path, *map(str, arguments)]
        done = _run(command, self.environ, cwd)
        if done.returncode != 0:
            run = {"program": self.path, "version": self.version, "command": " ".join(command)}
            output = done.stdout.strip() or "none"
            problem = message("tool-failed", status=done.returncode, output=output, **run)
            raise CompileError(problem)


def program_on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """Return the absolute path of a program on an environment's PATH; None if it is not there."""
    path = shutil.which(name, path=environ.get("PATH", os.defpath))
    return None if path is None else os.path.abspath(path)


def output_of(command: list[str], environ: Mapping[str, str]) -> str:
    """Return what a program prints, on both streams, however it ends; or why it does not run."""
    try:
        return _run(command, environ).stdout
    except OSError as error:
        return f"does not run: {error.strerror}"


def unusable(tools: Sequence[Tool]) -> str:
    """Return lines for a message, each with a tool that was found and does not do."""
    return "".join(f"\n  not usable: {tool.path} ({tool.version})" for tool in tools)


def _run(
    command: list[str], environ: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


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
