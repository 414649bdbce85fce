"""Stubs of Apple's frameworks, to link against where there is no Mac."""

from __future__ import annotations

from pathlib import Path


def write_stubs(site: Path, frameworks: str, sdk: Path) -> Path:
    """Todo"""
    raise NotImplementedError
