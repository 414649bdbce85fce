"""Errors of comparing the C interface with Temporal's."""

from __future__ import annotations


class CannotCompareError(Exception):
    """The interfaces could not be compared. The message says why and what to do."""


class NoIndexError(CannotCompareError):
    """No package index answers, or none has the project."""
