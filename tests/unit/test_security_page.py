"""docs/security.md and SECURITY.md claim what something holds, and name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from temporal_static_libs._about import PROJECT_URL
from tests.support.docs.proofs import is_test, proofs


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_is_there(page: str, repo_root: Path) -> None:
    named = proofs(page)
    assert named
    assert [it for it in named if not is_test(repo_root / "tests" / it[0], it[1])] == []


def test_every_defence_has_one(page: str) -> None:
    tables = re.findall(r"^\|.*held by \|\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(tables) == 3
    assert [row for row in rows if not proofs(row.rpartition(" | ")[2])] == []


def test_reports_go_to_the_project(repo_root: Path) -> None:
    policy = (repo_root / "SECURITY.md").read_text(encoding="utf-8")
    assert f"<{PROJECT_URL}/security/advisories/new>" in policy
    assert not re.search(r"[\w.]+@[\w.]+", policy)


def test_package_opens_no_connection(package_dir: Path) -> None:
    network = re.compile(r"^\s*(?:import|from) (socket|ssl|http|urllib|ftplib)\b", re.MULTILINE)
    files = list(package_dir.rglob("*.py"))
    assert files
    assert [file for file in files if network.search(file.read_text(encoding="utf-8"))] == []
