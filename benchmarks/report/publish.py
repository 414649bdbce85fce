"""Writes the results of a run to a directory or into the project's pages; reads earlier ones."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.benchmark import Benchmark, Result
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.load import Load
from benchmarks.report.charts import draw_charts
from benchmarks.report.report import Report

PAGE: Final = "benchmarks.md"
_SECTION: Final = re.compile(r"^## Measured .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def write_results(report: Report, directory: Path) -> str:
    """Write ``results.json``, ``results.md`` and the charts.

    Args:
        report: of a run.
        directory: an existing directory.

    Returns:
        The Markdown.
    """
    charts = draw_charts(report.measured, directory)
    markdown = report.to_markdown([chart.name for chart in charts])
    _write_json(report, directory / "results.json")
    (directory / "results.md").write_text(markdown, encoding="utf-8")
    return markdown


def publish(report: Report, docs: Path) -> None:
    """Put a run into the page, its samples next to the page, and its charts into ``images/``.

    Args:
        report: of a run.
        docs: the directory of the page.

    Raises:
        BenchmarkError: there is no page, or no section in it to replace.
    """
    page = check_page(docs)
    images = docs / "images"
    images.mkdir(exist_ok=True)
    charts = [f"images/{chart.name}" for chart in draw_charts(report.measured, images)]
    section = report.to_markdown(charts)
    text = page.read_text(encoding="utf-8")
    page.write_text(replace_section(text, section), encoding="utf-8")
    _write_json(report, page.with_suffix(".json"))


def earlier_results(file: Path, benchmarks: Sequence[Benchmark], report: Report) -> list[Result]:
    """Results of benchmarks from an earlier run like this one.

    Args:
        file: the ``results.json`` of the earlier run.
        benchmarks: those to read; what the earlier run did not measure is left out.
        report: of this run.

    Raises:
        BenchmarkError: the file has no results, or they are of another wheel or machine, or of
            other archives or fewer or more rounds.
    """
    try:
        earlier = json.loads(file.read_text(encoding="utf-8"))
        this = json.loads(json.dumps(report.to_dict()))
        for facts in (earlier, this):
            facts["machine"].pop("load_average")
        for name in ("machine", "wheel", "archives", "rounds", "quick"):
            if earlier[name] != this[name]:
                raise BenchmarkError(
                    f"{file}: the earlier run differs in {name!r}\n  run all benchmarks again"
                )
        return [
            _result(benchmark, earlier, report.date)
            for benchmark in benchmarks
            if benchmark.name in earlier["benchmarks"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkError(f"{file} is not a results.json of this command: {error!r}") from None


def _result(benchmark: Benchmark, earlier: Mapping[str, Any], date: str) -> Result:
    measured = earlier["benchmarks"][benchmark.name]
    comparisons = [
        Comparison(
            each["quantity"],
            each["condition"],
            {name: contender["samples"] for name, contender in each["contenders"].items()},
        )
        for each in measured
    ]
    notes = list(earlier["notes"].get(benchmark.name, ()))
    # If the earlier run has reused it as well, it has the day already.
    if earlier["date"] != date and not any(note.startswith("Measured ") for note in notes):
        notes.append(f"Measured {earlier['date']}.")
    loads = [Load(**load) for load in earlier["loads"][benchmark.name]]
    return Result(benchmark, comparisons, notes, loads)


def check_page(docs: Path) -> Path:
    """The page that a run can be put into.

    Raises:
        BenchmarkError: there is no such page.
    """
    page = docs / PAGE
    if not page.is_file() or _SECTION.search(page.read_text(encoding="utf-8")) is None:
        raise BenchmarkError(f"{page} has no section '## Measured ...': name a directory with one")
    return page


def replace_section(text: str, section: str) -> str:
    """A page with a new section "Measured"; the text before and after it stays."""
    return _SECTION.sub(lambda _: f"{section}\n", text, count=1).rstrip() + "\n"


def _write_json(report: Report, file: Path) -> None:
    file.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
