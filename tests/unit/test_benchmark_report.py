"""The benchmarks' report: targets, charts, the page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.harness.benchmark import Benchmark, Result
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.errors import BenchmarkError
from benchmarks.report.charts import draw_pictures
from benchmarks.report.publish import check_page, publish, replace_section
from benchmarks.report.report import Report
from benchmarks.report.targets import TARGETS, Target, targets_table

BUILD = Comparison("seconds", "to a linked bridge", {"pip install": [9.0], "compile": [725.0]})
SLOW = Comparison(
    "seconds, pip install", "10 Mbit/s, 100 ms", {"cache filled": [1.5], "cache empty": [31.0]}
)
HITS = Comparison("% of installs that fetch no wheel", "20", {"pip": [95.0]})
SMALL = Comparison("MB, the wheel", "linux-x64", {"C ABI": [13.9]})
LARGE = Comparison("MB, the wheel", "macos-x64", {"C ABI": [50.1]})
RESULTS = {"build": [BUILD], "install": [SLOW, HITS], "size": [SMALL, LARGE]}


def row(name: str, table: str) -> list[str]:
    """The cells of a target's row."""
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {name}"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_target_is_met_missed_with_the_reason_or_not_measured() -> None:
    table = targets_table(RESULTS)
    assert row("build", table) == ["< 120 s", "9.0 s", "met"]
    assert row("cache hits", table) == ["> 90 %", "95.0 %", "met"]
    bound, value, outcome = row("download, pip install over 10", table)
    assert (bound, value) == ("< 30 s", "31.0 s")
    assert outcome.startswith("**missed**: the wheel's size over")
    assert row("download, pip install over 50", table) == ["< 30 s", "", "not measured in this run"]
    assert len(table.splitlines()) == 2 + len(TARGETS)


def test_worst_of_several_values_decides() -> None:
    bound, value, outcome = row("wheel", targets_table(RESULTS))
    assert (bound, value) == ("< 50 MB", "50.1 MB")
    assert outcome.startswith("**missed**")
    assert row("wheel", targets_table({"size": [SMALL]}))[1:] == ["13.9 MB", "met"]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_value_equal_to_the_bound_misses_the_target(target: Target) -> None:
    assert not target.met(target.bound)
    assert target.met(target.bound + (-0.1 if target.below else 0.1))
    assert not target.met(target.bound + (0.1 if target.below else -0.1))


def test_charts_contain_the_figures_and_no_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    made = draw_pictures(RESULTS, tmp_path)
    texts = {}
    for picture in made:
        root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
        assert root.attrib["width"] == "540pt"  # 720 pixels
        elements = list(root.iter())
        assert not any(element.tag.endswith("script") for element in elements)
        texts[picture.name] = {
            "".join(element.itertext()).strip()
            for element in elements
            if element.tag.endswith("}text")
        }
    assert texts["time-saved.svg"] >= {"9 s", "12 min 5 s", "pip install"}
    assert texts["install-time.svg"] >= {"31.0", "1.5", "10 Mbit/s, 100 ms", "cache empty"}


def test_no_chart_is_drawn_for_unmeasured_values(tmp_path: Path) -> None:
    quick = replace(BUILD, samples={"pip install": [9.0]})
    assert draw_pictures({"build": [quick]}, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("after", ["## Looked for\n\ntext\n", ""], ids=["middle", "last"])
def test_only_the_measured_section_of_the_page_is_replaced(tmp_path: Path, after: str) -> None:
    page = f"# Page\n\ntext\n\n## Measured 2026-01-01\n\nold\n\n### Part\n\nold\n\n{after}"
    new = "## Measured 2026-02-02\n\nnew \\1\n"
    separated = f"\n{after}" if after else ""
    assert replace_section(page, new) == f"# Page\n\ntext\n\n{new}{separated}"


def test_published_run_updates_the_page_the_json_and_the_charts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    (tmp_path / "benchmarks.md").write_text("# Page\n\n## Measured 2026-01-01\n\nold\n\n## Last\n")
    machine = {"cpu": "a processor", "cores": 2, "kernel": "Linux", "python": "CPython"}
    wheel = {"version": "1.2.3", "platform": "linux-x64", "cargo_profile": "release"}
    results = [
        Result(
            Benchmark(name, name.title(), "About it.", lambda _: []), comparisons, ["And a note."]
        )
        for name, comparisons in RESULTS.items()
    ]
    publish(Report("2026-02-02", machine, wheel, [], 3, False, results), tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.startswith("# Page\n\n## Measured 2026-02-02\n")
    assert page.endswith("\n\n## Last\n")
    assert "old" not in page
    assert "### Build\n\nAbout it. And a note.\n" in page
    for name in ("time-saved.svg", "install-time.svg"):
        assert f"](images/{name})" in page
        assert (tmp_path / "images" / name).is_file()
    samples = json.loads((tmp_path / "benchmarks.json").read_text())
    assert samples["benchmarks"]["build"][0]["contenders"]["compile"]["samples"] == [725.0]
    assert samples["notes"]["size"] == ["And a note."]


def test_directory_without_the_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="no section"):
        check_page(tmp_path)
    (tmp_path / "benchmarks.md").write_text("# Page\n")
    with pytest.raises(BenchmarkError, match="no section"):
        check_page(tmp_path)


def test_report_can_be_published_to_the_projects_page(repo_root: Path) -> None:
    assert check_page(repo_root / "docs").is_file()
