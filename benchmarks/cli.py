"""What a build waits for each time that it asks for a directory."""

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
_PYTHON: Final = "python -I -c pass"
_SCRIPTS: Final = sysconfig.get_path("scripts")
_TOOL: Final = str(Path(_SCRIPTS, "temporal-libs-config"))
# Of other packages, in C and, the last one, a script of Python's as this package's is; left out
# where they are not installed.
_PEERS: Final = {
    "pg_config": ("--libdir",),
    "pkg-config": ("--libs", "zlib"),
    "pkgconf-pypi": ("--libs", "temporal-sdk-core"),
}


# A command, and the environment to run it in.
_Call: TypeAlias = tuple[Sequence[str], Mapping[str, str]]


def _measure(run: Run) -> list[Comparison]:
    remembering: Mapping[str, str] = {
        **os.environ,
        "TEMPORAL_LIBS_CACHE_DIR": str(run.scratch / "cache"),
    }
    forgetful: Mapping[str, str] = {**os.environ, "TEMPORAL_LIBS_CACHE_DIR": os.devnull}
    others: dict[str, _Call] = {_PYTHON: ([sys.executable, "-I", "-c", "pass"], os.environ)}
    others |= {
        name: ([path, *arguments], os.environ)
        for name, arguments in _PEERS.items()
        if (path := shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}{_SCRIPTS}"))
    }
    conditions: dict[str, _Call] = {
        "--libdir, remembered": ([_TOOL, "--libdir"], remembering),
        "--libs, remembered": ([_TOOL, "--libs"], remembering),
        "--libdir, hashed": ([_TOOL, "--libdir"], forgetful),
    }
    return [
        _compare(run, condition, {"temporal-libs-config": call} | others)
        for condition, call in conditions.items()
    ]


def _compare(run: Run, condition: str, calls: Mapping[str, _Call]) -> Comparison:
    run.say(condition)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(run.rounds + 1):
        for name, (command, environ) in calls.items():
            count = run.scaled(_CALLS)
            begin = time.perf_counter()
            for _ in range(count):
                run_to_end(command, environ)
            if number > 0:  # the first loads the programs, and what is to be remembered
                taken[name].append((time.perf_counter() - begin) / count * 1e3)
    return Comparison("ms per call", condition, taken)


BENCHMARK = Benchmark(
    name="cli",
    title="Asking for a directory",
    about=(
        "`temporal-libs-config` compared with an interpreter of the same environment that does "
        "nothing, and with similar programs of other packages. Remembered: an earlier call has "
        "verified the archives. Hashed: there is no cache for the result, so each call hashes "
        "both archives. The script is the one that a current pip generates; the script of an "
        "older pip, such as 23.2, loads the module `re` first."
    ),
    measure=_measure,
)
