"""Comparing the versions of programs and systems."""

from __future__ import annotations

import re


def release_of(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with, to be compared with another's.

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
