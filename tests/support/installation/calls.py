"""Calls of the package, and their outcomes."""

from __future__ import annotations

import base64
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PROGRAM = Path(__file__).with_name("calls_program.py")
_MEMORY = 1 << 30  # bytes of address space, so that endless reading fails

HUNG = -1000
"""The status of a call that timed out."""

Call = tuple[str, ...]
"""Options of the command, or a function of the Python API and its arguments."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a call.

    Attributes:
        status: the exit status; `HUNG` if it did not end, negative for a signal.
        stdout: the standard output.
        stderr: the standard error output, with bytes that are not UTF-8 escaped.
    """

    status: int
    stdout: bytes
    stderr: str

    @property
    def line(self) -> bytes:
        """The answer to one option, without the line break."""
        return self.stdout.removesuffix(b"\n")

    def ended(self) -> Outcome:
        """Check that it ended by itself and without a traceback."""
        assert self.status >= 0, (self.status, self.stderr[-2000:])
        assert "Traceback" not in self.stderr, self.stderr[-3000:]
        assert "Exception ignored" not in self.stderr, self.stderr[-3000:]
        return self

    def answered(self, stderr: str = "") -> Outcome:
        """Check that it answered without messages."""
        self.ended()
        assert (self.status, self.stderr) == (0, stderr)
        return self

    def refused(self, *names: str, status: int = 1) -> Outcome:
        """Check that there was no answer, but a message with these names."""
        self.ended()
        assert (self.status, self.stdout) == (status, b""), self.stderr
        for name in names:
            assert name in self.stderr, self.stderr
        return self


@dataclass(frozen=True)
class Machine:
    """The environment in which calls run.

    Attributes:
        site: the directory that contains the package.
        environ: the environment.
        flags: the interpreter's options.
        cwd: the working directory.
        user: the ID of the user to become; None to stay the same user.
        timeout: seconds for all calls together.
    """

    site: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()
    cwd: Path = Path("/")
    user: int | None = None
    timeout: float = 10

    def ask(self, *calls: Call) -> list[Outcome]:
        """Run calls one after the other, in one process.

        Returns:
            One outcome per call. If a call hangs, the calls after it count as hung, too.
        """
        with tempfile.TemporaryDirectory(prefix="calls-") as scratch:
            results = Path(scratch, "results")
            # A copy, because the user may not be able to read the tests.
            program = Path(scratch, "program.py")
            program.write_bytes(_PROGRAM.read_bytes())
            if self.user is not None:
                os.chown(scratch, self.user, -1)
            command = [*self._python, str(program), str(self.site), str(results)]
            last = self._run(command, self.environ, json.dumps(calls).encode("ascii"))
            lines = results.read_text("ascii").splitlines() if results.exists() else []
        outcomes = [_outcome(line) for line in lines]
        return outcomes + [last] * (len(calls) - len(outcomes))

    def call(self, *call: str) -> Outcome:
        """Run a call in a separate process."""
        return self._run(self.command(*call), self.process_environ)

    def command(self, *call: str) -> list[str]:
        """The command line of one call, for `process_environ`."""
        return [*self._python, "-m", "temporal_static_libs", *call]

    @property
    def process_environ(self) -> dict[str, str]:
        """The environment in which Python finds the package."""
        return {**self.environ, "PYTHONPATH": str(self.site)}

    @property
    def _python(self) -> list[str]:
        return [python(self.user), *self.flags]

    def _run(self, command: list[str], environ: Mapping[str, str], stdin: bytes = b"") -> Outcome:
        with subprocess.Popen(
            command,
            env=environ,
            cwd=self.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            start_new_session=True,
            preexec_fn=_limit_memory,
        ) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=self.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return Outcome(HUNG, b"", "it did not end in time")
        return Outcome(process.returncode, stdout, stderr.decode("utf-8", "backslashreplace"))


@functools.cache
def python(user: int | None = None) -> str:
    """Find an interpreter outside a venv that a user can run.

    Args:
        user: the user's ID; None for the current user.
    """
    for program in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        with suppress(OSError):
            subprocess.run([program, "-c", ""], user=user, group=user, check=True, cwd="/")
            return program
    raise AssertionError(f"there is no Python that the user {user} can run")


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _outcome(line: str) -> Outcome:
    found = json.loads(line)
    stderr = base64.b64decode(found["stderr"]).decode("utf-8", "backslashreplace")
    return Outcome(found["status"], base64.b64decode(found["stdout"]), stderr)
