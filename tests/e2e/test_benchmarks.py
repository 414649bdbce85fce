"""`python -m benchmarks`, which 'make bench' runs."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

from temporal_static_libs._targets import TARGETS
from tests.support.abi.capi import config
from tests.support.ci.benchmark_run import WHEEL, run_benchmarks

CORE = "libtemporal_sdk_core.a"
# Those that `make test` has time for. test_image_benchmark.py runs `image`, and
# tests/battery/test_long_benchmarks.py the others.
NAMES = ("build", "install", "rpc", "workflow-tasks", "handles", "link", "size", "cli")


@pytest.fixture(scope="module")
def output(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a short run of the benchmarks, comparing the wheel's archive with itself."""
    scratch = tmp_path_factory.mktemp("benchmarks")
    (scratch / "same").mkdir()
    (scratch / "same" / CORE).symlink_to(Path(config("--libdir")) / CORE)
    done = run_benchmarks(
        repo_root,
        *NAMES,
        *("--quick", "--rounds", "2", "--output", scratch / "output"),
        *("--compare", f"same={scratch / 'same'}"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return scratch / "output"


@pytest.fixture(scope="module")
def wheel_size() -> float:
    """The size of the wheel under test, in MB."""
    return Path(WHEEL).stat().st_size / 1e6


@pytest.fixture(scope="module")
def results(output: Path) -> dict[str, Any]:
    """The parsed output."""
    read: dict[str, Any] = json.loads((output / "results.json").read_text(encoding="utf-8"))
    return read


def test_each_benchmark_measured_every_contender(results: dict[str, Any]) -> None:
    others = {
        "rpc": {"Python client"},
        "workflow-tasks": {"Python SDK"},
        "handles": {"getpid"},
        "link": set(),
    }
    assert set(results["benchmarks"]) == set(NAMES)
    for benchmark in others:
        for comparison in results["benchmarks"][benchmark]:
            if "by ld." in comparison["condition"] or comparison["subject"] == "callbacks":
                continue
            assert comparison["subject"] == "C ABI"
            assert set(comparison["ratios"]) == {"C ABI, same"} | others[benchmark]
            for contender in comparison["contenders"].values():
                assert len(contender["samples"]) == 2
                assert all(sample > 0 for sample in contender["samples"])


def test_ways_to_get_answers_are_compared_with_callbacks(results: dict[str, Any]) -> None:
    rows = [c for c in results["benchmarks"]["rpc"] if c["subject"] == "callbacks"]
    assert {c["condition"] for c in rows} == {"16 in flight"}
    for comparison in rows:
        assert set(comparison["ratios"]) == {"queue", "blocking callbacks", "one thread", "gzip"}


def test_latency_at_half_load_has_its_percentiles_in_order(results: dict[str, Any]) -> None:
    rows = {(c["quantity"], c["condition"]): c for c in results["benchmarks"]["rpc"]}
    throughput = rows["calls per second", "64 in flight, compression none"]["contenders"]
    half = round(throughput["Python client"]["median"] / 2)
    assert f"Half load of the Python client was {half:,} calls" in results["notes"]["rpc"][0]
    for contender in ("C ABI", "Python client"):
        median, high, highest = (
            rows[f"µs to the answer, {percentile}th percentile", "half load of the Python client"][
                "contenders"
            ][contender]["samples"]
            for percentile in ("50", "99", "99.9")
        )
        for sample in zip(median, high, highest, strict=True):
            assert sample == tuple(sorted(sample))


def test_load_is_recorded_in_each_round(results: dict[str, Any], output: Path) -> None:
    assert set(results["loads"]) == set(NAMES)
    for benchmark in ("build", "install", "rpc", "workflow-tasks", "handles", "link", "cli"):
        loads = results["loads"][benchmark]
        assert loads
        assert all(0 <= load["others"] <= 1 and load["average"] >= 0 for load in loads)
    assert len(results["loads"]["handles"]) == 2
    assert "- Other work: load average " in (output / "results.md").read_text(encoding="utf-8")


def test_remembered_verification_is_compared_with_hashing(results: dict[str, Any]) -> None:
    rows = {comparison["condition"]: comparison for comparison in results["benchmarks"]["cli"]}
    assert set(rows) == {
        f"{option}, {condition}"
        for option in ("--libdir", "--libs")
        for condition in ("remembered", "hashed")
    }
    for comparison in rows.values():
        assert comparison["subject"] == "temporal-libs-config"
        assert {"python -I -c pass"} <= set(comparison["ratios"])


def test_linkers_are_measured_with_both_archives(results: dict[str, Any]) -> None:
    rows = [c for c in results["benchmarks"]["link"] if "by ld." in c["condition"]]
    assert {"the same program by ld.bfd"} <= {c["condition"] for c in rows}
    for comparison in rows:
        assert set(comparison["contenders"]) == {"client", "sdk-core"}
        for contender in comparison["contenders"].values():
            assert len(contender["samples"]) == 2


def test_targets_and_charts_show_measured_values(output: Path) -> None:
    targets = (output / "results.md").read_text(encoding="utf-8").split("### Targets")[1]
    assert "| cache hits, repeated installs | > 90 % | 95.0 % | met |" in targets
    assert "![Seconds of pip install by bandwidth" in targets
    assert (output / "install-time.svg").is_file()
    # A quick run lacks the data for this chart.
    assert not (output / "time-saved.svg").exists()


def test_quick_run_skips_the_compile_and_empty_caches(results: dict[str, Any]) -> None:
    rows = {c["condition"]: c["contenders"] for c in results["benchmarks"]["build"]}
    *builds, zig = rows.values()
    assert [set(contenders) for contenders in builds] == [{"pip install"}] * 3
    total, *parts = (contenders["pip install"]["median"] for contenders in builds)
    assert total == pytest.approx(sum(parts))
    assert min(parts) > 0
    assert set(zig) == {"global cache filled", "nothing changed"}
    assert zig["nothing changed"]["median"] < zig["global cache filled"]["median"]


def test_installs_are_measured_over_a_line_and_hits_counted_in_the_log(
    results: dict[str, Any],
) -> None:
    rows = {(c["quantity"], c["condition"]): c for c in results["benchmarks"]["install"]}
    for condition in ("loopback", "200 Mbit/s, 100 ms"):
        install = rows["seconds, pip install", condition]["contenders"]
        assert set(install) == {"cache filled", "cache empty"}
    line = rows["seconds, pip install", "200 Mbit/s, 100 ms"]["contenders"]
    # The line's time alone, plus three round trips: connecting, TLS and the answer.
    size = Path(WHEEL).stat().st_size
    assert min(line["cache empty"]["samples"]) > size / 25e6 + 0.3
    assert min(line["cache filled"]["samples"]) > 0.3
    fetch = rows["seconds, pip download for all platforms", "200 Mbit/s, 100 ms"]["contenders"]
    for contender in fetch.values():
        assert min(contender["samples"]) > len(TARGETS) * size / 25e6
    (rate,) = rows["% of installs that fetch no wheel", "20 fresh environments, one cache"][
        "contenders"
    ]["pip"]["samples"]
    # The first install has to fetch it.
    assert rate == pytest.approx(95)
    (note,) = results["notes"]["install"]
    assert "linux-x64" in note


def test_sizes_match_the_archives(results: dict[str, Any], wheel_size: float) -> None:
    rows = {(c["quantity"], c["condition"]): c for c in results["benchmarks"]["size"]}
    sizes = {a["component"]: a["size"] for a in results["archives"]["wheel"]}
    deflated = 0.0
    for component, size in sizes.items():
        on_disk = rows["MB on disk", component]["contenders"]["C ABI"]
        assert on_disk["median"] == pytest.approx(size / 1e6)
        deflated += rows["MB deflated", component]["contenders"]["C ABI"]["median"]
    # The wheel contains a little more than the archives.
    assert 0.9 * wheel_size < deflated < wheel_size
    (count,) = rows["global symbols", "sdk-core"]["contenders"]["C ABI"]["samples"]
    functions = json.loads(Path(config("--interface")).read_text(encoding="utf-8"))["functions"]
    # The interface's symbols, and the one that only an archive of the same interface defines.
    assert count == sum("sdk-core" in function["components"] for function in functions) + 1


def test_ratios_are_the_medians_of_the_rounds(results: dict[str, Any]) -> None:
    for comparison in (c for benchmark in results["benchmarks"].values() for c in benchmark):
        contenders = comparison["contenders"]
        subject = contenders[comparison["subject"]]["samples"]
        for other, ratio in comparison["ratios"].items():
            pairs = zip(subject, contenders[other]["samples"], strict=True)
            ratios = [a / b for a, b in pairs]
            assert ratio["median"] == pytest.approx(statistics.median(ratios))
            assert (ratio["lowest"], ratio["highest"]) == pytest.approx((min(ratios), max(ratios)))


def test_the_environment_is_recorded(results: dict[str, Any], package_dir: Path) -> None:
    manifest = json.loads((package_dir / "lib" / "manifest.json").read_text(encoding="utf-8"))
    assert set(results["machine"]) == {"cpu", "cores", "kernel", "python", "load_average"}
    assert results["wheel"]["version"] == manifest["version"]
    sizes = {library["file"]: library["size"] for library in manifest["libraries"]}
    assert {archive["file"]: archive["size"] for archive in results["archives"]["wheel"]} == sizes
    assert [(a["file"], a["size"]) for a in results["archives"]["same"]] == [(CORE, sizes[CORE])]


def test_the_table_has_a_row_for_each_comparison(output: Path, results: dict[str, Any]) -> None:
    markdown = (output / "results.md").read_text(encoding="utf-8")
    for comparison in (c for benchmark in results["benchmarks"].values() for c in benchmark):
        row = f"| {comparison['quantity']}, {comparison['condition']} |"
        assert markdown.count(row) == 1
        for ratio in comparison["ratios"].values():
            assert f"**{ratio['median']:.2f}**" in markdown.split(row)[1].split("\n")[0]


def test_the_report_holds_no_path_of_the_machine(output: Path, repo_root: Path) -> None:
    for name in ("results.json", "results.md"):
        report = (output / name).read_text(encoding="utf-8")
        for path in (repo_root, output.parent, sys.prefix):
            assert str(path) not in report


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["rcp"], "no benchmark 'rcp'; choose from: build,", id="unknown"),
        pytest.param(["--publish", "docs", "--quick"], "--publish needs a whole run", id="part"),
        pytest.param(["--rounds", "0"], "'0' is not a number of at least 1", id="no-rounds"),
        pytest.param(["--compare", "o3"], "'o3' is not LABEL=DIR", id="no-directory"),
        pytest.param(["--compare", "wheel=lib"], "'wheel' is taken", id="taken-label"),
    ],
)
def test_bad_usage_is_reported_before_anything_runs(
    repo_root: Path, arguments: list[str], message: str
) -> None:
    done = run_benchmarks(repo_root, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_directory_without_the_archive_is_refused(repo_root: Path, tmp_path: Path) -> None:
    done = run_benchmarks(repo_root, "--output", tmp_path, "--compare", f"o3={tmp_path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"o3: {tmp_path} has no archive of sdk-core" in done.stderr
    assert CORE in done.stderr
