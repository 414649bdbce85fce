"""The benchmarks' report: targets, charts, the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.harness.benchmark import Benchmark, Result
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.load import Load
from benchmarks.report.charts import draw_charts
from benchmarks.report.publish import (
    check_page,
    earlier_results,
    publish,
    replace_section,
    write_results,
)
from benchmarks.report.report import Report
from benchmarks.report.targets import TARGETS, Target, targets_table
from tools.charts import COLORS

BUILD = Comparison("seconds", "to a linked bridge", {"pip install": [9.0], "compile": [725.0]})
SLOW = Comparison(
    "seconds, pip install", "10 Mbit/s, 100 ms", {"cache filled": [1.5], "cache empty": [31.0]}
)
HITS = Comparison("% of installs that fetch no wheel", "20", {"pip": [95.0]})
SMALL = Comparison("MB, the wheel", "linux-x64", {"C ABI": [13.9]})
LARGE = Comparison("MB, the wheel", "macos-x64", {"C ABI": [50.1]})
LATENCIES = [
    Comparison(
        f"µs to the answer, {percentile}th percentile",
        "half load of the Python client",
        {"C ABI": [micros, 2 * micros], "Python client": [2000.0, 2000.0]},
    )
    for percentile, micros in (("50", 200.0), ("99", 900.0), ("99.9", 2500.0))
]
RESULTS = {
    "build": [BUILD],
    "install": [SLOW, HITS],
    "size": [SMALL, LARGE],
    "rpc": LATENCIES,
}


def report(date: str, *names: str) -> Report:
    """A report of a run that measured benchmarks of `RESULTS`."""
    machine = {
        "cpu": "a processor",
        "cores": 2,
        "kernel": "Linux",
        "python": "CPython",
        "load_average": 0.25,
    }
    wheel = {"version": "1.2.3", "platform": "linux-x64", "cargo_profile": "release"}
    results = [
        Result(
            benchmark(name),
            RESULTS[name],
            ["And a note."],
            [Load(0.5, 0.01), Load(1.5, 0.25 if name == "size" else 0.02)],
        )
        for name in names
    ]
    return Report(date, machine, wheel, [], 3, False, results)


def benchmark(name: str) -> Benchmark:
    return Benchmark(name, name.title(), "About it.", lambda _: [])


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
    assert outcome.startswith("**missed**: the wheel's size divided by")
    assert row("download, pip install over 50", table) == ["< 30 s", "", "not measured in this run"]
    assert len(table.splitlines()) == 2 + len(TARGETS)


def test_ratio_of_a_target_is_the_median_of_the_rounds() -> None:
    table = targets_table(RESULTS)
    assert row("latency at half load, 99th", table) == ["< 1 times", "0.68 times", "met"]
    bound, value, outcome = row("latency at half load, 99.9th", table)
    assert (bound, value) == ("< 1 times", "1.88 times")
    assert outcome.startswith("**missed**: client and server share")


def test_other_contender_may_be_the_one_that_a_target_is_about() -> None:
    samples = {"callbacks": [20.0, 20.0], "queue": [24.0, 26.0], "gzip": [80.0, 80.0]}
    rows = [Comparison("µs of CPU per call", "16 in flight", samples), *LATENCIES]
    (_, value, outcome) = row("CPU of a call with a completion queue", targets_table({"rpc": rows}))
    assert (value, outcome) == ("1.25 times", "met")


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
    made = draw_charts(RESULTS, tmp_path)
    texts = {}
    for chart in made:
        root = ElementTree.fromstring(chart.read_text(encoding="utf-8"))
        assert root.attrib["width"] == "540pt"  # 720 pixels
        elements = list(root.iter())
        assert not any(element.tag.endswith("script") for element in elements)
        texts[chart.name] = {
            "".join(element.itertext()).strip()
            for element in elements
            if element.tag.endswith("}text")
        }
    assert texts["time-saved.svg"] >= {"9 s", "12 min 5 s", "pip install"}
    assert texts["install-time.svg"] >= {"31.0", "1.5", "10 Mbit/s, 100 ms", "cache empty"}
    assert texts["latency.svg"] >= {"0.30", "2.00", "99.9%", "C ABI", "Python client"}


def test_charts_have_colors_for_light_and_dark_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    for chart in draw_charts(RESULTS, tmp_path):
        root = ElementTree.fromstring(chart.read_text(encoding="utf-8"))
        (style,) = (element for element in root.iter() if element.tag.endswith("}style"))
        dark = "".join(style.itertext()).split("@media (prefers-color-scheme: dark)")[1]
        assert dark.startswith(" { text { fill: #f0f6fc }")
        inline = " ".join(element.get("style", "") for element in root.iter())
        colors = set(re.findall(r"(?:fill|stroke): #\w{6}", inline))
        # Each color has one for dark pages, except those of bars, which are for both.
        assert {c for c in colors if f'[style*="{c}"]' not in dark} <= {
            f"{kind}: {color.lower()}" for color in COLORS[:-1] for kind in ("fill", "stroke")
        } | {"stroke: #cccccc"}
        assert "fill: #ffffff" in colors


def test_no_chart_is_drawn_for_unmeasured_values(tmp_path: Path) -> None:
    quick = replace(BUILD, samples={"pip install": [9.0]})
    assert draw_charts({"build": [quick]}, tmp_path) == []
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
    publish(report("2026-02-02", *RESULTS), tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.startswith("# Page\n\n## Measured 2026-02-02\n")
    assert page.endswith("\n\n## Last\n")
    assert "old" not in page
    assert "### Build\n\nAbout it. And a note.\n" in page
    for name in ("time-saved.svg", "install-time.svg", "latency.svg"):
        assert f"](images/{name})" in page
        assert (tmp_path / "images" / name).is_file()
    samples = json.loads((tmp_path / "benchmarks.json").read_text())
    assert samples["benchmarks"]["build"][0]["contenders"]["compile"]["samples"] == [725.0]
    assert samples["notes"]["size"] == ["And a note."]
    assert samples["loads"]["size"] == [
        {"average": 0.5, "others": 0.01},
        {"average": 1.5, "others": 0.25},
    ]
    assert "- Other work: load average 0.25 before the run; in the rounds, other" in page
    assert "processes used 1.5% of the processors' time (median), 25.0% at most\n" in page
    (doubtful,) = re.findall(r"### (\w+)\n\n[^\n]*\n\n\*\*Doubtful:\*\* (.*)\n", page)
    assert doubtful == (
        "Size",
        "other processes used more than 10% of the processors' time in 1 of 2 rounds, 25% at most.",
    )


def test_ratios_of_many_contenders_are_below_the_figures() -> None:
    samples = {"callbacks": [20.0], "queue": [25.0], "one thread": [16.0], "gzip": [80.0]}
    many = Comparison("µs of CPU per call", "16 in flight", samples)
    result = Result(benchmark("rpc"), [many], [])
    lines = replace(report("2026-02-02"), results=[result]).to_markdown().splitlines()
    assert "Below each figure: callbacks ÷ the contender." in lines
    assert "|  | callbacks | queue | one thread | gzip |" in lines
    assert lines[-1] == (
        "| µs of CPU per call, 16 in flight | 20.0 | 25.0<br>**0.80** (0.80 to 0.80) "
        "| 16.0<br>**1.25** (1.25 to 1.25) | 80.0<br>**0.25** (0.25 to 0.25) |"
    )


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results.json of an earlier run, of some of the benchmarks."""
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    write_results(report("2026-02-01", "build", "size"), tmp_path)
    return tmp_path / "results.json"


def test_results_of_an_earlier_run_are_whole_and_dated(earlier: Path) -> None:
    now = report("2026-02-02", "rpc")
    (size,) = earlier_results(earlier, [benchmark("size"), benchmark("install")], now)
    assert size.comparisons == RESULTS["size"]
    assert size.notes == ["And a note.", "Measured 2026-02-01."]
    assert size.loads == [Load(0.5, 0.01), Load(1.5, 0.25)]
    (same_day,) = earlier_results(earlier, [benchmark("size")], replace(now, date="2026-02-01"))
    assert same_day.notes == ["And a note."]


def test_results_that_are_reused_twice_keep_their_day(earlier: Path) -> None:
    content = json.loads(earlier.read_text())
    content["date"] = "2026-02-03"
    content["notes"]["size"].append("Measured 2026-02-01.")
    earlier.write_text(json.dumps(content))
    (size,) = earlier_results(earlier, [benchmark("size")], report("2026-02-04", "rpc"))
    assert size.notes == ["And a note.", "Measured 2026-02-01."]


def test_results_of_a_run_that_differs_are_refused(earlier: Path) -> None:
    now = report("2026-02-02", "rpc")
    slow = {**now.machine, "cpu": "a slower processor", "load_average": 3.0}
    for name, other in (
        ("machine", replace(now, machine=slow)),
        ("wheel", replace(now, wheel={**now.wheel, "version": "1.2.4"})),
        ("rounds", replace(now, rounds=7)),
        ("quick", replace(now, quick=True)),
    ):
        with pytest.raises(BenchmarkError, match=f"the earlier run differs in '{name}'"):
            earlier_results(earlier, [benchmark("size")], other)
    for text in ("", "[]", "{}"):
        earlier.write_text(text)
        with pytest.raises(BenchmarkError, match=r"is not a results\.json of this command"):
            earlier_results(earlier, [benchmark("size")], now)


def test_directory_without_the_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="no section"):
        check_page(tmp_path)
    (tmp_path / "benchmarks.md").write_text("# Page\n")
    with pytest.raises(BenchmarkError, match="no section"):
        check_page(tmp_path)


def test_report_can_be_published_to_the_projects_page(repo_root: Path) -> None:
    assert check_page(repo_root / "docs").is_file()
