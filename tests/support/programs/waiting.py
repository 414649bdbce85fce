"""Waiting for something that happens on another thread or in another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait up to a minute, which is longer than a machine busy with everything else takes.

    Args:
        condition: asked again and again.
        what: is awaited, for the message.

    Raises:
        AssertionError: it did not come.
    """
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within a minute"
        time.sleep(0.01)
