"""Sections of a license file for people, each with one text.

A section consists of a line of ``=``, the license, a line of ``-``, what it covers, one per line, a
line of ``-``, and the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

WIDTH: Final = 100
SECTION: Final = "=" * WIDTH
PART: Final = "-" * WIDTH


def section(name: str, identifier: str, licensed: Iterable[object], text: str) -> str:
    """Return a section, with the license's full name and SPDX identifier, such as ``MIT``."""
    names = "".join(f"{one}\n" for one in licensed)
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"\n{SECTION}\n{name} ({identifier})\n{PART}\n{names}{PART}\n{lines}\n"
