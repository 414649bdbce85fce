"""Logs that a runtime forwards to the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.abi.capi import CApi, Lender

LEVELS = ("Trace", "Debug", "Info", "Warn", "Error")


@dataclass(frozen=True)
class Log:
    """One forwarded log."""

    level: str
    target: str
    message: str


class LogCapture:
    """Collects every log of the runtimes whose telemetry options come from here."""

    def __init__(self, api: CApi) -> None:
        self.api = api
        self.logs: list[Log] = []
        self.callback = api.ffi.callback("TemporalCoreForwardedLogCallback", self._receive)
        self._lock = threading.Lock()

    def _receive(self, level: int, log: Any) -> None:
        lib, text = self.api.lib, self.api.text
        received = Log(
            LEVELS[level],
            text(lib.temporal_core_forwarded_log_target(log)),
            text(lib.temporal_core_forwarded_log_message(log)),
        )
        with self._lock:
            self.logs.append(received)

    def telemetry(self, lender: Lender, filter_text: str = "info", **fields: Any) -> Any:
        """Make ``TemporalCoreTelemetryOptions`` that forward the logs here."""
        logging = lender.struct(
            "TemporalCoreLoggingOptions",
            filter=lender.bytes(filter_text),
            forward_to=lender.keep(self.callback),
        )
        return lender.struct("TemporalCoreTelemetryOptions", logging=logging, **fields)

    def messages(self, level: str) -> list[str]:
        """List the messages of one level, such as ``Error``."""
        with self._lock:
            return [log.message for log in self.logs if log.level == level]

    def wait_for(self, wanted: Callable[[Log], bool], deadline: float = 20.0) -> Log:
        """Wait for a log from another thread; the deadline is in seconds."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            with self._lock:
                for log in self.logs:
                    if wanted(log):
                        return log
            time.sleep(0.02)
        raise AssertionError(f"no such log within {deadline} s, only {self.logs}")
