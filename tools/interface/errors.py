"""What can go wrong when the C interface is compared with Temporal's."""

from __future__ import annotations


class CannotCompareError(Exception):
    """The interfaces could not be compared. The message says why, and what to do."""


class NoIndexError(CannotCompareError):
    """No package index answers, or those that do have no such project."""
