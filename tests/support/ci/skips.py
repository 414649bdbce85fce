"""Skips are statements. In CI one that is not true fails the run.

A test that needs a program which is not there skips with :func:`require_program`; in CI every skip
must be of that kind, and the program really absent.
"""

from __future__ import annotations

import os
import re
import shutil

import pytest

_REASON = "{} is not installed"
_PATTERN = re.compile(_REASON.format(r"(?P<program>\S+)"))


def require_program(program: str) -> str:
    """Give the path of a program, or skip the test that needs it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(_REASON.format(program))
    return path


def is_true(reason: str) -> bool:
    """Tell whether a skip's reason is that a program is absent, and it is."""
    stated = _PATTERN.search(reason)
    return stated is not None and shutil.which(stated["program"]) is None


class SkipPolice:
    """A pytest plugin that fails a run with a skip that is not true."""

    def __init__(self) -> None:
        self.untrue: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skip that is no expected failure and not true."""
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            if not is_true(reason):
                self.untrue.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn the result over."""
        if self.untrue:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was wrongly skipped."""
        for skip in self.untrue:
            terminalreporter.write_line(f"NOT TO BE SKIPPED IN CI  {skip}", red=True)


def in_ci() -> bool:
    """Tell whether this run is one of continuous integration."""
    return os.environ.get("CI", "").lower() in {"1", "true"}
