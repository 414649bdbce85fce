"""CHANGELOG.md's entry for a version, in the form of Keep a Changelog."""

from __future__ import annotations

import re

from tools.release import ReleaseError

_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?P<rest>.*)$", re.MULTILINE)
_DATE = re.compile(r" - \d{4}-\d{2}-\d{2}")


def changelog_entry(text: str, version: str) -> str:
    """Find the entry.

    Args:
        text: of the changelog.
        version: as its heading has it in brackets.

    Returns:
        What stands below the heading, in Markdown.

    Raises:
        ReleaseError: there is none, it has no date, or nothing stands below it.
    """
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] != version:
            continue
        if not _DATE.fullmatch(heading["rest"]):
            raise ReleaseError(
                f"CHANGELOG.md: the heading of {version} has no date: "
                f"write '## [{version}] - YYYY-MM-DD'"
            )
        entry = text[heading.end() : following.start() if following else len(text)].strip()
        if not entry:
            raise ReleaseError(f"CHANGELOG.md: the entry of {version} is empty")
        return entry
    raise ReleaseError(
        f"CHANGELOG.md has no entry for {version}: "
        f"give what is under [Unreleased] the heading '## [{version}] - YYYY-MM-DD'"
    )
