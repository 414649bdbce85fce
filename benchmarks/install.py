"""pip install of the wheel: cache empty and filled, over slow lines, for all platforms."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.index import Index, running_index
from benchmarks.harness.line import Speed
from benchmarks.harness.wheels import gather_wheels
from temporal_static_libs._targets import TARGETS

SPEEDS: Final = (Speed(10, 100), Speed(50, 100), Speed(200, 100))
# Without the slowest, which would take minutes and is full either way.
_FETCHING_SPEEDS: Final = SPEEDS[1:]
_MOST_ROUNDS: Final = 3
_ENVIRONMENTS: Final = 20

INSTALL: Final = "seconds, pip install"
FETCH: Final = "seconds, pip download for all platforms"
HIT_RATE: Final = "% of installs that fetch no wheel"
LOOPBACK: Final = "loopback"
FILLED, EMPTY = "cache filled", "cache empty"
SIDE_BY_SIDE, IN_TURN = "side by side", "one after another"


def speeds(*, quick: bool) -> tuple[Speed, ...]:
    """The speeds of the lines; a quick run uses only the fastest."""
    return SPEEDS[-1:] if quick else SPEEDS


def _measure(run: Run) -> list[Comparison]:
    (run.scratch / "wheels").mkdir()
    wheels = gather_wheels(run.wheel, run.scratch / "wheels")
    run.note(wheels.described())
    with running_index(wheels.all, run.scratch / "index") as index:
        with tempfile.TemporaryDirectory(dir=run.scratch) as home:
            index.user(Path(home, "first")).install()  # compiles pip's modules, warms up the server
        lines = speeds(quick=run.quick)
        return [
            *(_install(run, index, speed) for speed in (None, *lines)),
            *(_fetch(run, index, speed) for speed in lines if speed in _FETCHING_SPEEDS),
            _cache_hits(run, index),
        ]


def _install(run: Run, index: Index, speed: Speed | None) -> Comparison:
    """Install twice per round, the second time with the cache that the first one filled."""
    condition = LOOPBACK if speed is None else str(speed)
    taken: dict[str, list[float]] = {FILLED: [], EMPTY: []}
    for number in run.in_rounds(_MOST_ROUNDS):
        run.say(f"install, {condition}: round {number + 1}")
        with tempfile.TemporaryDirectory(dir=run.scratch) as home:
            first = index.user(Path(home, "first"), speed)
            taken[EMPTY].append(first.install())
            second = index.user(Path(home, "second"), speed, first.pip.cache)
            taken[FILLED].append(second.install())
    return Comparison(INSTALL, condition, taken)


def _fetch(run: Run, index: Index, speed: Speed) -> Comparison:
    at_once = {SIDE_BY_SIDE: len(TARGETS), IN_TURN: 1}
    taken: dict[str, list[float]] = {name: [] for name in at_once}
    for number in run.in_rounds(1 if run.quick else _MOST_ROUNDS):
        run.say(f"all platforms, {speed}: round {number + 1}")
        for name, samples in taken.items():
            samples.append(_fetch_all(run, index, speed, at_once[name]))
    return Comparison(FETCH, str(speed), taken)


def _fetch_all(run: Run, index: Index, speed: Speed, at_once: int) -> float:
    """Download the wheels of all platforms into empty caches; the seconds that it took.

    Args:
        run: the run.
        index: where from.
        speed: of the line.
        at_once: how many downloads run at the same time.
    """
    with tempfile.TemporaryDirectory(dir=run.scratch) as home:
        users = {t: index.user(Path(home, t.platform), speed) for t in TARGETS}
        began = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda target: users[target].download(target.wheel_tags[0]), TARGETS))
        return time.perf_counter() - began


def _cache_hits(run: Run, index: Index) -> Comparison:
    condition = f"{_ENVIRONMENTS} fresh environments, one cache"
    run.say(condition)
    before = index.downloads()
    with tempfile.TemporaryDirectory(dir=run.scratch) as home:
        for number in range(_ENVIRONMENTS):
            index.user(Path(home, str(number)), cache=Path(home, "cache")).install()
    fetched = index.downloads() - before
    rate = 100 * (1 - fetched / _ENVIRONMENTS)
    return Comparison(HIT_RATE, condition, {"pip": [rate]})


BENCHMARK = Benchmark(
    name="install",
    title="Installing",
    about=(
        "`pip install` from a package index on the same machine (devpi behind TLS) into a virtual "
        "environment created beforehand. Only pip is measured, from start to end. The lines are "
        "simulated: all connections share the bandwidth in each direction, data arrives after "
        "half the stated time, and opening a connection takes a round trip. TCP slow start and "
        "packet loss are not simulated. For all platforms: one `pip download` per platform, each "
        "with a separate cache. The index's access log shows what was fetched. At most three "
        "rounds, for all platforms one in a quick run; the hit rate is measured once."
    ),
    measure=_measure,
)
