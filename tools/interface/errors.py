"""What can go wrong with headers of the C interface."""

from __future__ import annotations


class HeaderError(Exception):
    """A header has something that cannot be read or described. The message says what."""


class CannotCompareError(Exception):
    """The interfaces could not be compared. The message says why, and what to do."""


class NoIndexError(CannotCompareError):
    """No package index answers, or those that do have no such project."""
