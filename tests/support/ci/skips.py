"""Reasons for skips are checked. In CI, a false reason fails the run.

A test that needs a missing program skips with :func:`require_program`. In CI, every skip must be of
this kind, and the program must really be missing.
"""

from __future__ import annotations

import os
import re
import shutil

import pytest

_REASON = "{} is not installed"
_PATTERN = re.compile(_REASON.format(r"(?P<program>\S+)"))


def require_program(program: str) -> str:
    """Return the path of a program, or skip the test that needs it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(_REASON.format(program))
    return path


def is_true(reason: str) -> bool:
    """Return whether a skip's reason is a missing program that is really missing."""
    stated = _PATTERN.search(reason)
    return stated is not None and shutil.which(stated["program"]) is None


class SkipPolice:
    """A pytest plugin that fails a run if a skip has a false reason."""

    def __init__(self) -> None:
        self.untrue: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a skip with a false reason that is not an expected failure."""
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            if not is_true(reason):
                self.untrue.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Change the result to a failure."""
        if self.untrue:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the wrong skips."""
        for skip in self.untrue:
            terminalreporter.write_line(f"NOT TO BE SKIPPED IN CI  {skip}", red=True)


def in_ci() -> bool:
    """Return whether this run is in continuous integration."""
    return os.environ.get("CI", "").lower() in {"1", "true"}
