"""What can go wrong when two interfaces are compared."""

from __future__ import annotations

import re


class CannotCompareError(Exception):
    """The interfaces could not be compared. The message says why, and what to do."""


class NoIndexError(CannotCompareError):
    """No package index answers, or those that do have no such project."""


def without_passwords(text: object) -> str:
    """Replace user names and passwords in the URLs of a text."""
    return re.sub(r"://[^/\s'\"]*@", "://***@", str(text))
