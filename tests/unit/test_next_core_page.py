"""docs/core-0.11.md has each fact that the next core's interface adds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.interface.releases import CURRENT, RELEASES

NEXT = RELEASES[RELEASES.index(CURRENT) + 1]
ADDED = sorted(set(NEXT.rows()) - set(CURRENT.rows()))


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "core-0.11.md").read_text(encoding="utf-8")


def expected(row: tuple[str, ...]) -> str:
    """The text for a fact that a line of the page must contain."""
    if row[0] == "field":
        found = re.fullmatch(r"offset (\d+) size (\d+)", row[3])
        assert found
        name = row[1].partition(".")[2]
        return rf"`{re.escape(row[2])} {name}` \| {found[1]}, {found[2]} \|"
    if row[0] == "enum":
        return rf"`{row[2]}` \| {row[3]} \|"
    assert row[0] == "struct"
    old = next(other[2] for other in CURRENT.rows() if other[:2] == row[:2])
    return rf"`{row[1]}`, {old.split()[1]} → {row[2].split()[1]} bytes"


@pytest.mark.parametrize("row", ADDED, ids=lambda row: " ".join(row[:3]))
def test_each_addition_is_on_the_page(row: tuple[str, ...], page: str) -> None:
    assert re.search(expected(row), page), expected(row)


def test_page_lists_no_fact_that_the_table_lacks(page: str) -> None:
    fields = set(re.findall(r"^\|.*?\| `\S+ (\w+)` \| \d+, \d+ \|", page, re.MULTILINE))
    assert fields == {row[1].partition(".")[2] for row in ADDED if row[0] == "field"}


def test_files_that_the_page_names_exist(page: str, repo_root: Path) -> None:
    files = set(re.findall(r"`((?:docs|rust|tests|tools)/[\w./-]+)`", page))
    assert len(files) > 5
    assert {file for file in files if not (repo_root / file).exists()} == set()
