"""Two users: the administrator, who runs the tests, and nobody."""

from __future__ import annotations

import os

import pytest

NOBODY = 65534

needs_root = pytest.mark.needs_root
"""Marks a test that becomes another user; `tests/battery/conftest.py` deselects it elsewhere."""


def is_root() -> bool:
    """Tell whether this process can become another user."""
    return os.geteuid() == 0
