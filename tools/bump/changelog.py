"""The changelog's entry, in the form of Keep a Changelog."""

from __future__ import annotations

from typing import Final

from tools.bump.errors import BumpError

_UNRELEASED: Final = "## [Unreleased]\n"
_CHANGED: Final = "### Changed\n"


def with_entry(changelog: str, entry: str) -> str:
    """Add an entry to what has changed since the last release.

    Args:
        changelog: the text.
        entry: one line or more, without the dash.

    Raises:
        BumpError: the changelog has no heading for what is not released.
    """
    before, heading, rest = changelog.partition(_UNRELEASED)
    if not heading:
        raise BumpError(f"CHANGELOG.md has no line {_UNRELEASED.strip()!r} to add to")
    unreleased, separator, older = rest.partition("\n## ")
    item = f"- {entry}\n"
    if _CHANGED in unreleased:
        unreleased = unreleased.replace(f"{_CHANGED}\n", f"{_CHANGED}\n{item}", 1)
    else:
        there = f"\n{unreleased.strip()}\n" if unreleased.strip() else ""
        unreleased = f"{there}\n{_CHANGED}\n{item}"
    return f"{before}{heading}{unreleased}{separator}{older}"
