"""Sizes of the archives, compared with the shared library of the official Python client."""

from __future__ import annotations

import functools
import importlib.util
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.comparison import Comparison
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.wheels import gather_wheels
from temporal_static_libs._build.archive_index import defined_symbols

WHEEL_SIZE: Final = "MB, the wheel"
DEFLATED: Final = "MB deflated"
BOTH: Final = "both archives"
_PYTHON_CLIENT: Final = "Python client"
# As in tools/wheel/repair.py.
_LEVEL: Final = 9


def _measure(run: Run) -> list[Comparison]:
    components = [archive.component for archive in run.libraries[0].archives]
    files = {component: _files(run, component) for component in components}
    comparisons = []
    for component, contenders in files.items():
        run.say(f"compressing {component}")
        comparisons.append(_compare("MB on disk", component, contenders, _on_disk))
        comparisons.append(_compare(DEFLATED, component, contenders, _deflated))
    comparisons.append(_both(comparisons))
    for component, contenders in files.items():
        archives = {name: file for name, file in contenders.items() if name != _PYTHON_CLIENT}
        comparisons.append(_compare("global symbols", component, archives, _symbols))
    (run.scratch / "wheels").mkdir()
    wheels = gather_wheels(run.wheel, run.scratch / "wheels")
    for platform, file in wheels.built.items():
        comparisons.append(Comparison(WHEEL_SIZE, platform, {"C ABI": [_on_disk(file)]}))
    return comparisons


def _both(comparisons: Sequence[Comparison]) -> Comparison:
    """The sum of the archives' deflated sizes, which is nearly the wheel's size."""
    rows = [row.samples for row in comparisons if row.quantity == DEFLATED]
    # A directory that is compared may have one archive only.
    names = [
        name for name in rows[0] if all(name in row for row in rows) and name != _PYTHON_CLIENT
    ]
    return Comparison(DEFLATED, BOTH, {name: [sum(row[name][0] for row in rows)] for name in names})


def _files(run: Run, component: str) -> dict[str, Path]:
    found = {
        libraries.contender: (libraries.directory / archive.file).resolve()
        for libraries in run.libraries
        for archive in libraries.archives
        if archive.component == component
    }
    return found | {_PYTHON_CLIENT: _python_client()}


def _python_client() -> Path:
    package = importlib.util.find_spec("temporalio.bridge")
    places = (package.submodule_search_locations or ()) if package else ()
    libraries = [file for place in places for file in Path(place).glob("temporal_sdk_bridge*.so")]
    if len(libraries) != 1:
        raise BenchmarkError(
            f"expected 1 library of the official Python client, found {len(libraries)}"
        )
    return libraries[0]


def _compare(
    quantity: str, component: str, files: Mapping[str, Path], size: Callable[[Path], float]
) -> Comparison:
    return Comparison(quantity, component, {name: [size(file)] for name, file in files.items()})


def _on_disk(file: Path) -> float:
    return file.stat().st_size / 1e6


@functools.cache  # a file can be in several comparisons
def _deflated(file: Path) -> float:
    return len(zlib.compress(file.read_bytes(), _LEVEL)) / 1e6


def _symbols(file: Path) -> float:
    return len(defined_symbols(file))


BENCHMARK = Benchmark(
    name="size",
    title="Sizes",
    about=(
        "The archives, on disk and compressed as in the wheel (which holds both and little else), "
        "compared with the library in the official Python client's wheel; how many global symbols "
        "they define; and the wheels of the platforms that have been built here. Measured once, "
        "because sizes do not vary."
    ),
    measure=_measure,
)
