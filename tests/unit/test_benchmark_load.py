"""What the benchmarks record of other work on the machine, and how they count latencies."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import load as load_module
from benchmarks.harness.load import Load, Watch, load_warning
from benchmarks.rpc.pace import keep_pace, percentiles


def proc(directory: Path, stat: str, processes: dict[int, tuple[int, list[int]]]) -> None:
    """Write a /proc.

    Args:
        directory: of it.
        stat: the processors' ticks.
        processes: process to its parent and its four times.
    """
    (directory / "stat").write_text(f"cpu  {stat} 0 0\ncpu0 {stat} 0 0\nintr 1\n")
    for process, (parent, times) in processes.items():
        (directory / str(process)).mkdir(exist_ok=True)
        text = (
            f"{process} (a ) b) S {parent} 1 1 0 -1 4194560 1 2 3 4 {' '.join(map(str, times))} 20"
        )
        (directory / str(process) / "stat").write_text(text)


def test_others_are_those_that_the_benchmark_has_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "_PROC", tmp_path)
    here, server, other = os.getpid(), os.getpid() + 1, os.getpid() + 2
    # user, nice, system, idle, iowait, irq, softirq, steal
    proc(
        tmp_path,
        "1000 0 1000 1000 0 0 0 0",
        {here: (1, [5, 5, 50, 50]), server: (here, [1, 1, 0, 0]), other: (1, [9, 9, 9, 9])},
    )
    watch = Watch()
    with watch.round():
        # 100 ticks: 50 are used, 4 are stolen, 30 are this process's and its children's.
        proc(
            tmp_path,
            "1030 0 1020 1030 6 5 5 4",
            {here: (1, [6, 6, 60, 50]), server: (here, [10, 10, 0, 0]), other: (1, [29, 9, 9, 9])},
        )
    (load,) = watch.rounds
    assert load.others == pytest.approx((50 + 4 - 30) / 100)
    with watch.round():
        pass
    assert watch.rounds[1].others == 0


def test_orphans_are_adopted_so_that_they_count_as_own(repo_root: Path) -> None:
    code = (
        "import os, subprocess; from benchmarks.harness.load import adopt_orphans\n"
        "adopt_orphans()\n"
        # The child does not wait for its own child, which prints its parent.
        "child = ['sh', '-c', '(sleep 0.3; exec cut -d \" \" -f 4 /proc/self/stat) &']\n"
        "print(os.getpid(), subprocess.check_output(child, text=True))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.check_output(command, cwd=repo_root, text=True).split()
    assert printed[0] == printed[1]


def test_without_proc_nothing_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "_PROC", tmp_path)
    watch = Watch()
    with watch.round():
        pass
    assert watch.rounds == []


def test_rounds_that_fail_are_not_recorded() -> None:
    watch = Watch()
    with pytest.raises(ValueError), watch.round():
        raise ValueError
    assert watch.rounds == []


def test_only_rounds_with_much_other_work_are_a_warning() -> None:
    assert load_warning([]) is None
    assert load_warning([Load(0.1, 0.0), Load(8.0, 0.1)]) is None
    assert load_warning([Load(0.1, 0.11), Load(0.1, 0.4), Load(0.1, 0.0)]) == (
        "other processes used more than 10% of the processors' time in 2 of 3 rounds, 40% at most"
    )


def test_percentile_is_a_latency_that_so_many_calls_do_not_exceed() -> None:
    thousand = [number * 1000 for number in range(1, 1001)]
    assert percentiles(thousand[::-1]) == {"50": 500, "99": 990, "99.9": 999}
    assert percentiles([*thousand, 2_000_000]) == {"50": 501, "99": 991, "99.9": 1000}
    assert percentiles([7000]) == {"50": 7, "99": 7, "99.9": 7}


def test_paced_calls_are_all_counted_and_none_may_fail() -> None:
    answered = []

    async def call() -> None:
        answered.append(1)
        if len(answered) == 7:
            raise ValueError("the seventh")

    latencies = asyncio.run(keep_pace(call, 6, 1000))
    assert len(answered) == 6
    assert latencies["50"] <= latencies["99"] <= latencies["99.9"]
    with pytest.raises(ValueError, match="the seventh"):
        asyncio.run(keep_pace(call, 6, 1000))
