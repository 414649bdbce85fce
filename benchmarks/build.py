"""A Zig bridge on a machine without the core: from the wheel, and from its sources."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.child import run_to_end
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.index import User, running_index
from benchmarks.harness.line import Speed
from benchmarks.harness.wheels import gather_wheels
from tools.processes import running, tail
from tools.zig_bridge import copy_zig_bridge

SPEED: Final = Speed(50, 100)
WHEEL, COMPILE = "pip install", "compile"
LINKED: Final = "to a linked bridge"
# Of other series of Zig; each is left out if it is not there. `make bench` makes them.
_OTHER_ZIGS: Final = (Path(".venv/zig-0.16/bin/python"), Path(".venv/zig-0.17/bin/python"))
ZIG_BUILD: Final = "seconds, zig build"
EMPTY, FILLED, UNCHANGED = "caches empty", "global cache filled", "nothing changed"
_COMPILE_DEADLINE: Final = 2400.0
_MOST_ROUNDS: Final = 3
# Cargo would find through these what was compiled before.
_CACHES: Final = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER", "TEMPORAL_LIBS_DIR")


def _measure(run: Run) -> list[Comparison]:
    zigs = [_zig_builds(run, python) for python in _zigs(run)]
    archives, builds = {}, {}
    (run.scratch / "wheels").mkdir()
    wheels = gather_wheels(run.wheel, run.scratch / "wheels")
    with running_index(wheels.built, run.scratch / "index") as index:
        run.say(f"pip install over {SPEED}, and zig build")
        user = index.user(run.scratch / "user", SPEED)
        with run.watch.round():
            archives[WHEEL] = user.install()
            builds[WHEEL] = _zig_build(run, WHEEL, user.config, {})
    if not run.quick:
        run.say("compiling the sources that the wheel carries, and zig build: 6 to 15 minutes")
        environ = cold(run.scratch)
        with run.watch.round():
            archives[COMPILE] = _compile(run, user, environ)
            builds[COMPILE] = _zig_build(run, COMPILE, user.config, environ)
    parts = {
        "of which for the archives": archives,
        "of which in zig build": builds,
    }
    totals = {name: archives[name] + builds[name] for name in archives}
    return [
        *(
            Comparison("seconds", condition, {name: [value] for name, value in values.items()})
            for condition, values in ({LINKED: totals} | parts).items()
        ),
        *zigs,
    ]


def _zigs(run: Run) -> list[Path]:
    """Interpreters with the package ziglang, this environment's first."""
    here = Path(sys.executable)
    if run.quick:
        return [here]
    for python in _OTHER_ZIGS:
        if not python.is_file():
            run.note(f"`{python.parents[1]}` does not exist, so its Zig was not measured.")
    return [here, *(python.absolute() for python in _OTHER_ZIGS if python.is_file())]


def _zig_builds(run: Run, python: Path) -> Comparison:
    """Build with Zig's caches empty and filled; this also fills Zig's global cache."""
    config = Path(sysconfig.get_path("scripts"), "temporal-libs-config")
    version = run_to_end([python, "-m", "ziglang", "version"]).strip()
    taken: dict[str, list[float]] = defaultdict(list)
    if not run.quick:  # where other tests have filled the cache before
        run.say(f"zig build, to fill the global cache of Zig {version}")
        _zig_build(run, f"{version}, warm-up", config, {}, python)
    for number in run.in_rounds(1 if run.quick else _MOST_ROUNDS):
        run.say(f"zig build, Zig {version}: round {number + 1}")
        name = f"{version}, {number}"
        if not run.quick:  # Zig's own libraries take it half a minute
            empty = {"ZIG_GLOBAL_CACHE_DIR": str(run.scratch / f"zig-{name}")}
            taken[EMPTY].append(_zig_build(run, f"empty, {name}", config, empty, python))
        taken[FILLED].append(_zig_build(run, f"filled, {name}", config, {}, python))
        taken[UNCHANGED].append(_zig_build(run, f"filled, {name}", config, {}, python))
    return Comparison(ZIG_BUILD, f"Zig {version}", dict(taken))


def _compile(run: Run, user: User, environ: Mapping[str, str]) -> float:
    workspace = run_to_end([user.config, "--prefix"]).strip() + "/rust"
    # Downloads all crates, which are not part of what is measured.
    run_to_end(["cargo", "fetch", "--locked", f"--manifest-path={workspace}/Cargo.toml"], environ)
    return compile_archives(user.config, environ, run.scratch / "compile.log")


def compile_archives(config: Path, environ: Mapping[str, str], log: Path) -> float:
    """Run a ``temporal-libs-config`` that compiles its archives; the seconds that it took.

    Args:
        config: the program.
        environ: from `cold`.
        log: file for its output.

    Raises:
        BenchmarkError: it did not compile, or not in time.
    """
    began = time.perf_counter()
    # Stops all that it started, too: a cargo that is left over would keep the cores busy.
    with running([config, "--libdir"], log=log, env=environ) as process:
        try:
            status = process.wait(_COMPILE_DEADLINE)
        except subprocess.TimeoutExpired:
            status = None
    if status != 0:
        why = "took too long" if status is None else f"ended with exit code {status}"
        raise BenchmarkError(f"compiling the archives {why}:\n{tail(log)}")
    return time.perf_counter() - began


def cold(scratch: Path) -> dict[str, str]:
    """The environment for a compile that finds nothing that was compiled before.

    Args:
        scratch: directory for what is compiled.
    """
    return {
        **{name: value for name, value in os.environ.items() if name not in _CACHES},
        "USE_PREBUILT_LIBS": "false",
        "TEMPORAL_LIBS_CACHE_DIR": str(scratch / "compiled"),
        "CARGO_TARGET_DIR": str(scratch / "target"),
    }


def _zig_build(
    run: Run, name: str, config: Path, environ: Mapping[str, str], python: Path | None = None
) -> float:
    """Build the example in a directory of this name; the seconds that it took."""
    bridge = run.scratch / f"bridge, {name}"
    if not bridge.exists():
        copy_zig_bridge(bridge)
    began = time.perf_counter()
    done = subprocess.run(
        [python or sys.executable, "-m", "ziglang", "build", f"-Dtemporal-libs-config={config}"],
        cwd=bridge,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - began
    if done.returncode != 0:
        raise BenchmarkError(f"zig build failed, {name}:\n{done.stderr}")
    return taken


BENCHMARK = Benchmark(
    name="build",
    title="From nothing to a linked bridge",
    about=(
        "`examples/zig-bridge`, built with `zig build` in a new directory. The archives either "
        f"come from `pip install` over a line of {SPEED} (see Installing), or "
        "`USE_PREBUILT_LIBS=false` compiles them, with all crates already downloaded and nothing "
        "compiled before. Zig, Rust and Zig's cached libraries are present in both cases. Measured "
        "once; a quick run skips the compile.\n\n"
        "`zig build` alone: with both caches empty, as on a new machine, where Zig first compiles "
        "its own libraries; in a new directory with the global cache filled; and again in the "
        "same directory with nothing changed. At most three rounds; a quick run measures one Zig, "
        "without empty caches."
    ),
    measure=_measure,
)
