"""How long a build waits for each run of the command."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import run_to_end
from benchmarks.harness.comparison import Comparison

_CALLS: Final = 20
PYTHON: Final = "python -I -c pass"
TOOL: Final = "temporal-libs-config"
REMEMBERED_LIBS: Final = "--libs, remembered"
_SCRIPTS: Final = sysconfig.get_path("scripts")
_PROGRAM: Final = str(Path(_SCRIPTS, TOOL))
# Commands of other packages, in C except for the last one, which is a Python script like this
# package's; left out where they are not installed.
_PEERS: Final = {
    "pg_config": ("--libdir",),
    "pkg-config": ("--libs", "zlib"),
    "pkgconf-pypi": ("--libs", "temporal-sdk-core"),
}


# A command and its environment.
_Call: TypeAlias = tuple[Sequence[str], Mapping[str, str]]


def _measure(run: Run) -> list[Comparison]:
    remembering: Mapping[str, str] = {
        **os.environ,
        "TEMPORAL_LIBS_CACHE_DIR": str(run.scratch / "cache"),
    }
    forgetful: Mapping[str, str] = {**os.environ, "TEMPORAL_LIBS_CACHE_DIR": os.devnull}
    others: dict[str, _Call] = {PYTHON: ([sys.executable, "-I", "-c", "pass"], os.environ)}
    others |= {
        name: ([path, *arguments], os.environ)
        for name, arguments in _PEERS.items()
        if (path := shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}{_SCRIPTS}"))
    }
    conditions: dict[str, _Call] = {
        "--libdir, remembered": ([_PROGRAM, "--libdir"], remembering),
        REMEMBERED_LIBS: ([_PROGRAM, "--libs"], remembering),
        "--libdir, hashed": ([_PROGRAM, "--libdir"], forgetful),
        "--libs, hashed": ([_PROGRAM, "--libs"], forgetful),
    }
    return [
        _compare(run, condition, {TOOL: call} | others) for condition, call in conditions.items()
    ]


def _compare(run: Run, condition: str, calls: Mapping[str, _Call]) -> Comparison:
    run.say(condition)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in run.watched(range(run.rounds + 1)):
        for name, (command, environ) in calls.items():
            count = run.scaled(_CALLS)
            begin = time.perf_counter()
            for _ in range(count):
                run_to_end(command, environ)
            if number > 0:  # the first loads the programs and fills the cache
                taken[name].append((time.perf_counter() - begin) / count * 1e3)
    return Comparison("ms per call", condition, taken)


BENCHMARK = Benchmark(
    name="cli",
    title="The command",
    about=(
        "How long `temporal-libs-config` takes, compared with an interpreter of the same "
        "environment that does nothing, and with similar programs of other packages. Remembered: "
        "an earlier call has verified the archives and left a receipt. Hashed: there is no "
        "receipt, so each call hashes both archives. The script is the one that a current pip "
        "generates; the script of an older pip, such as 23.2, loads the module `re` first."
    ),
    measure=_measure,
)
