"""The issue about the core."""

from __future__ import annotations

import re
from typing import Final

from tools import ToolError, issue
from tools.bump.errors import BumpError
from tools.bump.registry import CORE
from tools.interface.upstream import PROJECT

#: The titles that `bump.news` gives it.
_TITLES: Final = re.compile(
    rf"{CORE} \S+( is out|: {PROJECT} \S+ has another C interface)", re.ASCII
)


def update_issue(title: str, body: str) -> str:
    """Open the issue, or bring the open one up to date, and return what has been done.

    Args:
        title: in a form that this finds the issue by.
        body: Markdown.

    Raises:
        BumpError: GitHub's client failed.
    """
    try:
        return issue.update(title, body, search=CORE, titles=_TITLES, more="make upstream")
    except ToolError as error:
        raise BumpError(str(error)) from None
