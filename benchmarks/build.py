"""A Zig bridge on a machine that has never had the core: from the wheel, and from its sources."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
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
_COMPILE_DEADLINE: Final = 2400.0
# Those that would have cargo find what was compiled before.
_CACHES: Final = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER", "TEMPORAL_LIBS_DIR")


def _measure(run: Run) -> list[Comparison]:
    run.say("zig build, for what Zig keeps of its own")
    _zig_build(run, "warm-up", Path(sysconfig.get_path("scripts"), "temporal-libs-config"), {})
    archives, builds = {}, {}
    (run.scratch / "wheels").mkdir()
    wheels = gather_wheels(run.wheel, run.scratch / "wheels")
    with running_index(wheels.built, run.scratch / "index") as index:
        run.say(f"pip install over {SPEED}, and zig build")
        user = index.user(run.scratch / "user", SPEED)
        archives[WHEEL] = user.install()
        builds[WHEEL] = _zig_build(run, WHEEL, user.config, {})
        run.say("zig build, with Zig's cache empty")
        empty = {"ZIG_GLOBAL_CACHE_DIR": str(run.scratch / "zig")}
        without_cache = _zig_build(run, "without a cache", user.config, empty)
    if not run.quick:
        run.say("compiling the sources that the wheel carries, and zig build: 6 to 15 minutes")
        environ = cold(run.scratch)
        archives[COMPILE] = _compile(run, user, environ)
        builds[COMPILE] = _zig_build(run, COMPILE, user.config, environ)
    parts = {
        "of which for the archives": archives,
        "of which in zig build": builds,
        "in zig build, with Zig's cache empty": {WHEEL: without_cache},
    }
    totals = {name: archives[name] + builds[name] for name in archives}
    return [
        Comparison("seconds", condition, {name: [value] for name, value in values.items()})
        for condition, values in ({LINKED: totals} | parts).items()
    ]


def _compile(run: Run, user: User, environ: Mapping[str, str]) -> float:
    workspace = run_to_end([user.config, "--prefix"]).strip() + "/rust"
    # The crates are to be here, whatever has been compiled with them.
    run_to_end(["cargo", "fetch", "--locked", f"--manifest-path={workspace}/Cargo.toml"], environ)
    return compile_archives(user.config, environ, run.scratch / "compile.log")


def compile_archives(config: Path, environ: Mapping[str, str], log: Path) -> float:
    """Have a ``temporal-libs-config`` compile its archives; the seconds that it took.

    Args:
        config: the program.
        environ: one that `cold` made.
        log: for what it says meanwhile.

    Raises:
        BenchmarkError: it did not compile, or not in time.
    """
    began = time.perf_counter()
    # With all that it starts: a cargo that is left would have the cores.
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
    """The environment to compile in, with nothing of what was compiled on this machine before.

    Args:
        scratch: for what is compiled now.
    """
    return {
        **{name: value for name, value in os.environ.items() if name not in _CACHES},
        "USE_PREBUILT_LIBS": "false",
        "TEMPORAL_LIBS_CACHE_DIR": str(scratch / "compiled"),
        "CARGO_TARGET_DIR": str(scratch / "target"),
    }


def _zig_build(run: Run, name: str, config: Path, environ: Mapping[str, str]) -> float:
    bridge = copy_zig_bridge(run.scratch / f"bridge, {name}")
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "build", f"-Dtemporal-libs-config={config}"],
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
        "compiled before. Zig, Rust and Zig's cached libraries are present in both cases; one "
        "more `zig build` starts with Zig's cache empty. Measured once; a quick run "
        "skips the compile."
    ),
    measure=_measure,
)
