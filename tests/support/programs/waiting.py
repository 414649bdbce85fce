"""Waiting for events on another thread or in another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait until a condition is true.

    Args:
        condition: checked repeatedly.
        what: the awaited event, for the message.
        seconds: the maximum; a minute is enough even on a busy machine.

    Raises:
        AssertionError: the condition did not become true.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.01)
