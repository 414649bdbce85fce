"""Failure texts are for people: nothing of Rust's debug output is in them."""

from __future__ import annotations

import re

DEBUG_OUTPUT = re.compile(r"stack backtrace|Error\(|::|\{ ", re.IGNORECASE)


def debug_output(text: str) -> list[str]:
    """List what a text has of it."""
    return sorted(set(DEBUG_OUTPUT.findall(text)))
