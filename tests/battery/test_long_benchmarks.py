"""`python -m benchmarks`: what `make test` leaves out, as far as a quick run goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.ci.benchmark_run import run_benchmarks


@pytest.mark.battery
def test_start_and_memory_are_measured_and_can_be_reused(repo_root: Path, tmp_path: Path) -> None:
    options = ("--quick", "--rounds", "1", "--output", tmp_path)
    done = run_benchmarks(repo_root, "startup", "memory", *options)
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    rows = {
        (c["quantity"], c["condition"]): {
            name: contender["median"] for name, contender in c["contenders"].items()
        }
        for benchmark in results["benchmarks"].values()
        for c in benchmark
    }
    start = rows["ms to the first answer", "from the start of the process"]
    cpu = rows["ms of CPU", "from the start of the process"]
    assert set(start) == {"C ABI", "Python client"}
    assert all(0 < cpu[name] < 1e4 and 0 < start[name] < 1e5 for name in start)
    steps = ("before the runtime", "with a runtime", "with a connection", "with a worker")
    for name in ("C ABI", "Python SDK"):
        megabytes = [rows["MB of memory", step][name] for step in (*steps, "with cached workflows")]
        assert megabytes == sorted(megabytes)
        assert 1 < rows["kB of memory", "per cached workflow"][name] < 1000
    done = run_benchmarks(repo_root, "handles", *options, "--reuse", tmp_path / "results.json")
    assert (done.returncode, done.stderr) == (0, "")
    both = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert list(both["benchmarks"]) == ["startup", "memory", "handles"]
    assert both["benchmarks"]["memory"] == results["benchmarks"]["memory"]
