"""Linking with Zig."""

from __future__ import annotations

import os
import shutil
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
_LINKERS: Final = ("bfd", "gold", "lld", "mold")
_COMPONENTS: Final = ("client", "sdk-core")
_SOURCES: Final = Path(__file__).parent


def _measure(run: Run) -> list[Comparison]:
    bridge = ["-shared", _compile(run, "bridge")]
    runtime = ["-s", _compile(run, "runtime")]
    seconds: dict[str, list[float]] = {libraries.contender: [] for libraries in run.libraries}
    megabytes: dict[str, list[float]] = {libraries.contender: [] for libraries in run.libraries}
    for number in run.watched(range(run.rounds + 1)):
        run.say(f"round {number} of {run.rounds}")
        for libraries in run.libraries:
            taken, _ = _link(libraries, bridge, run.scratch)
            _, size = _link(libraries, runtime, run.scratch)
            if number > 0:  # the first compiles Zig's libraries into its cache
                seconds[libraries.contender].append(taken)
                megabytes[libraries.contender].append(size / 1e6)
    return [
        Comparison("seconds", "Zig links a bridge", seconds),
        Comparison("MB", "a stripped program that only makes a runtime", megabytes),
        *_by_linker(run),
    ]


def _by_linker(run: Run) -> list[Comparison]:
    """Link the smaller and the larger of the wheel's archives with each linker on this machine."""
    wheel = run.libraries[0]
    obj = _compile(run, "runtime")
    seconds, megabytes = [], []
    for name in _LINKERS:
        if shutil.which(f"ld.{name}") is None:
            run.note(f"`ld.{name}` is not installed on this machine.")
            continue
        run.say(f"linker {name}")
        taken: dict[str, list[float]] = {component: [] for component in _COMPONENTS}
        sizes: dict[str, list[float]] = {component: [] for component in _COMPONENTS}
        for number in run.watched(range(run.rounds + 1)):
            for component in _COMPONENTS:
                flags = wheel.flags("--ldflags", "--libs", "--component", component)
                program = run.scratch / "linked"
                began = time.perf_counter()
                run_to_end(["cc", f"-fuse-ld={name}", "-s", obj, *flags, "-o", program])
                if number > 0:  # the first loads the archive
                    taken[component].append(time.perf_counter() - began)
                    sizes[component].append(program.stat().st_size / 1e6)
        seconds.append(Comparison("seconds", f"the same program by ld.{name}", taken))
        megabytes.append(Comparison("MB", f"the same program by ld.{name}", sizes))
    return [*seconds, *megabytes]


def _compile(run: Run, name: str) -> str:
    """Compile one of the C files, so that only linking is measured."""
    obj = str(run.scratch / f"{name}.o")
    flags = run.libraries[0].flags("--cflags")
    _zig_cc(["-c", "-fPIC", "-O2", str(_SOURCES / f"{name}.c"), *flags, "-o", obj], run.scratch)
    return obj


def _link(libraries: Libraries, options: Sequence[str], scratch: Path) -> tuple[float, int]:
    """Link; the seconds that it took, and the bytes of the result."""
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        result = Path(directory, "result")
        arguments = [*options, *libraries.flags("--ldflags", "--libs"), "-o", str(result)]
        started = time.perf_counter()
        _zig_cc(arguments, Path(directory))
        taken = time.perf_counter() - started
        return taken, result.stat().st_size


def _zig_cc(arguments: Sequence[str], cache: Path) -> None:
    """Run it with a local cache for this call only; Zig's libraries are in the global one."""
    run_to_end([*_ZIG_CC, *arguments], {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(cache)})


BENCHMARK = Benchmark(
    name="link",
    title="Linking",
    about=(
        "`zig cc`, with Zig's own libraries in its cache, links a shared library that needs a "
        "runtime, a client and a worker, and a program that needs only a runtime. Both use the "
        "flags that `temporal-libs-config --ldflags --libs` prints. By linker: `cc -fuse-ld=` "
        "links that program with the client archive and with the sdk-core archive."
    ),
    measure=_measure,
)
