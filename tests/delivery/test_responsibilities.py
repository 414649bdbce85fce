"""docs/download-client.md names what handles each responsibility, and an existing test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.docs.proofs import is_test, proofs

TABLES = {
    "Responsibilities": {
        "platform detection",
        "latest version",
        "checksums",
        "cache",
        "backoff",
        "rate limits",
        "offline",
        "size limits",
        "origin check",
    },
    "Settings": {
        "choose a version",
        "choose a platform",
        "show the platform",
        "move the cache",
        "install only what is already downloaded",
        "print the hash of a file",
        "turn off checksums",
        "compile if nothing can be downloaded",
    },
}


def rows(page: Path, heading: str) -> dict[str, list[str]]:
    """The cells of a table under a heading, by the first cell."""
    section = page.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.parametrize("heading", TABLES)
def test_each_responsibility_has_a_row_with_an_existing_test(heading: str, repo_root: Path) -> None:
    found = rows(repo_root / "docs" / "download-client.md", heading)
    assert set(found) >= TABLES[heading]
    for name, (place, proof) in found.items():
        assert place, name
        ((file, test),) = proofs(proof)
        assert is_test(Path(__file__).parent / file, test), name
