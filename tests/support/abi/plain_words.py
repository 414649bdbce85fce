"""Failure texts are for people and must not contain Rust's debug output."""

from __future__ import annotations

import re

DEBUG_OUTPUT = re.compile(r"stack backtrace|Error\(|::|\{ ", re.IGNORECASE)


def debug_output(text: str) -> list[str]:
    """List the debug output in a text."""
    return sorted(set(DEBUG_OUTPUT.findall(text)))
