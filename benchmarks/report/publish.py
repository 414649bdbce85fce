"""What a run leaves: beside each other in a directory, or in the project's pages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from benchmarks.harness.errors import BenchmarkError
from benchmarks.report.charts import draw_pictures
from benchmarks.report.report import Report

PAGE: Final = "benchmarks.md"
_SECTION: Final = re.compile(r"^## Measured .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def write_results(report: Report, directory: Path) -> str:
    """Write ``results.json``, ``results.md`` and the pictures.

    Args:
        report: of a run.
        directory: where to; it is there.

    Returns:
        The Markdown.
    """
    pictures = draw_pictures(report.measured, directory)
    markdown = report.to_markdown([picture.name for picture in pictures])
    _write_json(report, directory / "results.json")
    (directory / "results.md").write_text(markdown, encoding="utf-8")
    return markdown


def publish(report: Report, docs: Path) -> None:
    """Put a run into the page, its samples beside it, and its pictures into ``images/``.

    Args:
        report: of a run.
        docs: the directory of the page, which has been seen by `check_page`.

    Raises:
        BenchmarkError: there is no page, or no section in it to replace.
    """
    page = check_page(docs)
    images = docs / "images"
    images.mkdir(exist_ok=True)
    pictures = [f"images/{picture.name}" for picture in draw_pictures(report.measured, images)]
    section = report.to_markdown(pictures)
    text = page.read_text(encoding="utf-8")
    page.write_text(replace_section(text, section), encoding="utf-8")
    _write_json(report, page.with_suffix(".json"))


def check_page(docs: Path) -> Path:
    """The page that a run can be put into.

    Raises:
        BenchmarkError: there is none.
    """
    page = docs / PAGE
    if not page.is_file() or _SECTION.search(page.read_text(encoding="utf-8")) is None:
        raise BenchmarkError(f"{page} has no section '## Measured ...': name a directory with one")
    return page


def replace_section(text: str, section: str) -> str:
    """A page with another section "Measured"; what is before and after it stays."""
    return _SECTION.sub(lambda _: f"{section}\n", text, count=1).rstrip() + "\n"


def _write_json(report: Report, file: Path) -> None:
    file.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
