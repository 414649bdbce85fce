"""docs/process.md: each statement about the library names an existing test."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.support.docs.proofs import is_test, proofs

RULE = re.compile(r"- (?:Block|Call|Do not|Hand) ")
"""The beginning of an item with an instruction for the reader."""
WITHOUT_PROOF = "| variable | read when | used for |"
"""The header of the table whose test a row of another table names."""


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "process.md").read_text(encoding="utf-8")


def tables(page: str) -> dict[str, list[str]]:
    """Rows by header; tables with equal headers are combined."""
    found: dict[str, list[str]] = {}
    for header, rows in re.findall(r"^(\|.*)\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE):
        found.setdefault(header, []).extend(rows.splitlines())
    return found


def test_every_named_test_exists(page: str, repo_root: Path) -> None:
    named = proofs(page)
    assert named
    assert [it for it in named if not is_test(repo_root / "tests" / it[0], it[1])] == []


def test_every_row_names_a_test(page: str) -> None:
    found = tables(page)
    assert found.pop(WITHOUT_PROOF)
    assert [header for header in found if not header.endswith(" | tested by |")] == []
    rows = [row for of_table in found.values() for row in of_table]
    assert [row for row in rows if not proofs(row.rpartition(" | ")[2])] == []


def test_text_outside_tables_is_an_introduction_an_instruction_or_names_a_test(page: str) -> None:
    blocks = page.split("\n\n")
    text = [
        block
        for before, block in itertools.pairwise(blocks)
        if not block.startswith(("#", "|")) and not before.startswith("#")
    ]
    items = [it for block in text if block.startswith("- ") for it in block.split("\n- ")]
    assert [it for it in items if not RULE.match("- " + it.removeprefix("- "))] == []
    paragraphs = [block for block in text if not block.startswith("- ")]
    assert [it for it in paragraphs if not it.endswith(":") and not proofs(it)] == []
