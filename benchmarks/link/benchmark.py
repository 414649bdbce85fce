"""Linking with Zig."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import run_to_end
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.libraries import Libraries

_ZIG_CC: Final = (sys.executable, "-m", "ziglang", "cc")
_SOURCES: Final = Path(__file__).parent


def _measure(run: Run) -> list[Comparison]:
    bridge = ["-shared", _compile(run, "bridge")]
    runtime = ["-s", _compile(run, "runtime")]
    seconds: dict[str, list[float]] = {libraries.contender: [] for libraries in run.libraries}
    megabytes: dict[str, list[float]] = {libraries.contender: [] for libraries in run.libraries}
    for number in range(run.rounds + 1):
        run.say(f"round {number} of {run.rounds}")
        for libraries in run.libraries:
            taken, _ = _link(libraries, bridge, run.scratch)
            _, size = _link(libraries, runtime, run.scratch)
            if number > 0:  # the first fills Zig's cache of its own libraries
                seconds[libraries.contender].append(taken)
                megabytes[libraries.contender].append(size / 1e6)
    return [
        Comparison("seconds", "Zig links a bridge", seconds),
        Comparison("MB", "a stripped program that only makes a runtime", megabytes),
    ]


def _compile(run: Run, name: str) -> str:
    """The object of one of the C files, so that a link is nothing but a link."""
    obj = str(run.scratch / f"{name}.o")
    flags = run.libraries[0].flags("--cflags")
    _zig_cc(["-c", "-fPIC", "-O2", str(_SOURCES / f"{name}.c"), *flags, "-o", obj], run.scratch)
    return obj


def _link(libraries: Libraries, options: Sequence[str], scratch: Path) -> tuple[float, int]:
    """Seconds that a link took, and bytes of the result."""
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        result = Path(directory, "result")
        arguments = [*options, *libraries.flags("--ldflags", "--libs"), "-o", str(result)]
        started = time.perf_counter()
        _zig_cc(arguments, Path(directory))
        taken = time.perf_counter() - started
        return taken, result.stat().st_size


def _zig_cc(arguments: Sequence[str], cache: Path) -> None:
    """Run it. In a cache of the call's own, so that it works; Zig's libraries are in another."""
    run_to_end([*_ZIG_CC, *arguments], {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(cache)})


BENCHMARK = Benchmark(
    name="link",
    title="Linking",
    about=(
        "`zig cc`, with Zig's own libraries in its cache, links a shared library that needs "
        "runtime, client and worker, and a program that needs a runtime only; with the flags that "
        "`temporal-libs-config --ldflags --libs` prints."
    ),
    measure=_measure,
)
