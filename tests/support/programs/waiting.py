"""Waiting for something that happens on another thread or in another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait for something.

    Args:
        condition: asked again and again.
        what: is awaited, for the message.
        seconds: at most; a minute is longer than a machine busy with everything else takes.

    Raises:
        AssertionError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.01)
