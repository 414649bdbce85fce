"""``make bench``: runs benchmarks and writes what they measured.

Runs at the top of a checkout, in a venv with pyproject.toml's dependency group ``test`` and this
project's wheel, and with ``delivery`` in .venv/delivery.
"""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from benchmarks.build import BENCHMARK as BUILD
from benchmarks.cli import BENCHMARK as CLI
from benchmarks.handles.benchmark import BENCHMARK as HANDLES
from benchmarks.harness.benchmark import Benchmark, Result, Run
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.libraries import TAKEN_LABELS, compared, installed
from benchmarks.harness.machine import machine
from benchmarks.image.benchmark import BENCHMARK as IMAGE
from benchmarks.install import BENCHMARK as INSTALL
from benchmarks.link.benchmark import BENCHMARK as LINK
from benchmarks.report.publish import check_page, publish, write_results
from benchmarks.report.report import Report
from benchmarks.rpc.benchmark import BENCHMARK as RPC
from benchmarks.size import BENCHMARK as SIZE
from benchmarks.workflow_tasks.benchmark import BENCHMARK as WORKFLOW_TASKS
from tools import ToolError

_BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (BUILD, INSTALL, IMAGE, RPC, WORKFLOW_TASKS, HANDLES, LINK, SIZE, CLI)
}
_ROUNDS = 7
_QUICK_ROUNDS = 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="Measure the installed wheel beside its alternatives, in one run.",
        epilog="Figures of different runs or machines are not to be compared, ratios are.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="BENCHMARK",
        help=f"which to run: {', '.join(_BENCHMARKS)} (default: all)",
    )
    parser.add_argument("--wheel", type=_file, required=True, help="the file that was installed")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of the work, and no compile: to see that it runs",
    )
    parser.add_argument(
        "--rounds",
        type=_rounds,
        help=f"samples of each contender (default: {_ROUNDS}, quick {_QUICK_ROUNDS})",
    )
    parser.add_argument(
        "--compare",
        action="append",
        type=_label_and_directory,
        default=[],
        metavar="LABEL=DIR",
        help="measure the archives in DIR as well; may be given several times",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("dist/bench"),
        metavar="DIR",
        help="where results.json, results.md and pictures go (default: %(default)s)",
    )
    parser.add_argument(
        "--publish",
        type=Path,
        metavar="DIR",
        help="put a whole run into DIR/benchmarks.md, DIR/benchmarks.json and DIR/images/ as well",
    )
    return parser


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is no file: make bench names the wheel")
    return Path(text)


def _label_and_directory(text: str) -> tuple[str, Path]:
    label, equals, directory = text.partition("=")
    if not equals or not label.replace("-", "").isalnum() or label in TAKEN_LABELS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not LABEL=DIR, with letters, digits and hyphens in LABEL, "
            f"which is not {' or '.join(map(repr, TAKEN_LABELS))}"
        )
    return label, Path(directory)


def _chosen(parser: argparse.ArgumentParser, names: Sequence[str]) -> list[Benchmark]:
    for name in names:
        if name not in _BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are: {', '.join(_BENCHMARKS)}")
    return [_BENCHMARKS[name] for name in dict.fromkeys(names or _BENCHMARKS)]


def _measure(benchmarks: Sequence[Benchmark], options: argparse.Namespace) -> Report:
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    wheel, wheel_libraries = installed()
    libraries = [wheel_libraries]
    libraries += [compared(label, path, wheel_libraries) for label, path in options.compare]
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    for benchmark in benchmarks:
        benchmark.check()
    results = []
    for benchmark in benchmarks:
        print(f"\n==> bench: {benchmark.title}", flush=True)
        with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
            notes: list[str] = []
            settings = (options.wheel, libraries, rounds, options.quick, Path(scratch))
            comparisons = benchmark.measure(Run(*settings, _say, notes.append))
            results.append(Result(benchmark, comparisons, notes))
    return Report(date, machine(), wheel, libraries, rounds, options.quick, results)


def _say(message: str) -> None:
    print(f"    {message}", flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # Leaves the blocks that stop the server and remove what was written.
    sys.exit(128 + number)


def main() -> int:
    """Run benchmarks.

    Returns:
        0, or 1 if one could not be run. Bad usage leaves through SystemExit, with 2, and signal N
        with 128 + N.
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    parser = _parser()
    options = parser.parse_args()
    benchmarks = _chosen(parser, options.names)
    if options.publish and (options.quick or len(benchmarks) < len(_BENCHMARKS)):
        parser.error("--publish is for a whole run: without --quick, and of all benchmarks")
    try:
        if options.publish:
            check_page(options.publish)  # before all the measuring
        options.output.mkdir(parents=True, exist_ok=True)
        report = _measure(benchmarks, options)
        markdown = write_results(report, options.output)
        if options.publish:
            publish(report, options.publish)
    except (BenchmarkError, ToolError, OSError) as error:
        print(f"benchmarks: error: {error}", file=sys.stderr)
        return 1
    print(f"\n{markdown}\nwritten: {options.output}/results.json, results.md")
    if options.publish:
        print(f"published: {options.publish}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
