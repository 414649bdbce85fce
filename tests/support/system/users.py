"""Two users: root, who runs the tests, and nobody."""

from __future__ import annotations

import os

import pytest

NOBODY = 65534

needs_root = pytest.mark.needs_root
"""Marks a test that becomes another user; `tests/battery/conftest.py` may deselect it."""


def is_root() -> bool:
    """Return whether this process can become another user."""
    return os.geteuid() == 0
