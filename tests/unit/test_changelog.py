"""CHANGELOG.md has the form of Keep a Changelog."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from packaging.version import Version

KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
RELEASE = re.compile(r"\[(?P<version>[^\]]+)\] - (?P<date>\d{4}-\d{2}-\d{2})(?: \[YANKED\])?")


@pytest.fixture(scope="module")
def changelog(repo_root: Path) -> str:
    return (repo_root / "CHANGELOG.md").read_text(encoding="utf-8")


def headings(text: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def test_headings_are_unreleased_and_dated_releases(changelog: str) -> None:
    first, *releases = headings(changelog, 2)
    assert first == "[Unreleased]"
    found = [RELEASE.fullmatch(heading) for heading in releases]
    assert None not in found, releases
    dated = [
        (datetime.date.fromisoformat(match["date"]), Version(match["version"]))
        for match in found
        if match
    ]
    assert dated == sorted(dated, reverse=True)


def test_entry_has_each_of_the_six_sections_at_most_once(changelog: str) -> None:
    for entry in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        kinds = headings(entry, 3)
        assert set(kinds) <= set(KINDS)
        assert len(kinds) == len(set(kinds))


def test_each_section_is_a_list(changelog: str) -> None:
    sections = re.split(r"^##+ .+\n", changelog, flags=re.MULTILINE)[1:]
    for section in filter(str.strip, sections):
        lines = [line for line in section.splitlines() if line]
        assert all(line.startswith(("- ", "  ")) for line in lines), section
