"""The site built by `make docs`, in Chromium: desktop width in light, phone width in dark mode."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.ci.skips import require_program

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page.stem for page in (ROOT / "docs").glob("*.md"))
VIEWS = ("desk", "phone")
# Search terms, and a page that must be among the results.
SEARCHES = {"SIGPIPE": "process", "finalize": "c-api", "USE_PREBUILT_LIBS": "compiling"}


@pytest.fixture(scope="module")
def report(repo_root: Path) -> dict[str, Any]:
    """The browser's report."""
    chromium = require_program("chromium")
    python = repo_root / ".venv" / "browser" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is missing; 'make .venv/browser/.ready' installs it")
    site = repo_root / "dist" / "site"
    if not (site / "index.html").is_file():
        pytest.fail(f"{site} has no index.html; 'make docs' builds the site")
    script = Path(__file__).with_name("visit.py")
    done = subprocess.run(
        [python, script, site, chromium, ",".join(PAGES), ",".join(SEARCHES)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
        check=True,
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("page", PAGES)
def test_page_renders_without_an_error_and_without_horizontal_scroll(
    report: dict[str, Any], page: str, view: str
) -> None:
    seen = report["views"][view][page]
    assert seen["errors"] == []
    assert seen["broken_images"] == []
    assert seen["heading"]
    assert seen["excess"] == 0
    assert seen["cut_off"] == []


def test_dark_pages_are_dark(report: dict[str, Any]) -> None:
    """Otherwise the test above would see the same page twice."""
    backgrounds = {
        view: {seen["background"] for seen in report["views"][view].values()} for view in VIEWS
    }
    assert backgrounds["desk"] == {"rgb(255, 255, 255)"}
    assert len(backgrounds["phone"]) == 1
    assert backgrounds["phone"] != backgrounds["desk"]


@pytest.mark.parametrize(("term", "page"), SEARCHES.items())
def test_search_finds_a_term(report: dict[str, Any], term: str, page: str) -> None:
    assert page in report["found"][term]
