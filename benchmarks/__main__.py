"""``make bench``: runs benchmarks and writes the results.

Runs at the top of a checkout, in a venv with pyproject.toml's dependency group ``test`` and this
project's wheel. The group ``delivery`` must be installed in .venv/delivery.
"""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from benchmarks.build import BENCHMARK as BUILD
from benchmarks.cli import BENCHMARK as CLI
from benchmarks.handles.benchmark import BENCHMARK as HANDLES
from benchmarks.harness.benchmark import Benchmark, Result, Run
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.libraries import WHEEL_LABEL, compared, installed
from benchmarks.harness.load import adopt_orphans, load_warning
from benchmarks.harness.machine import machine
from benchmarks.image.benchmark import BENCHMARK as IMAGE
from benchmarks.install import BENCHMARK as INSTALL
from benchmarks.link.benchmark import BENCHMARK as LINK
from benchmarks.memory.benchmark import BENCHMARK as MEMORY
from benchmarks.report.publish import check_page, earlier_results, publish, write_results
from benchmarks.report.report import Report
from benchmarks.rpc.benchmark import BENCHMARK as RPC
from benchmarks.size import BENCHMARK as SIZE
from benchmarks.startup.benchmark import BENCHMARK as STARTUP
from benchmarks.workflow_tasks.benchmark import BENCHMARK as WORKFLOW_TASKS
from tools import ToolError

#: In the order of the report: from what most users wait for to what few ask about.
_ALL = (
    *(BUILD, INSTALL, IMAGE, CLI),
    *(RPC, WORKFLOW_TASKS, STARTUP, MEMORY, HANDLES),
    *(LINK, SIZE),
)
_BENCHMARKS = {benchmark.name: benchmark for benchmark in _ALL}
_ROUNDS = 7
_QUICK_ROUNDS = 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="Compare the installed wheel with its alternatives in one run.",
        epilog="Compare ratios: figures of different runs or machines are not comparable.",
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
        help="a tenth of the work, without the compile: to check that it runs",
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
        help="also measure the archives in DIR; may be given several times",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("dist/bench"),
        metavar="DIR",
        help="directory for results.json, results.md and charts (default: %(default)s)",
    )
    parser.add_argument(
        "--reuse",
        type=_file,
        metavar="FILE",
        help="take benchmarks that are not named from an earlier run's results.json",
    )
    parser.add_argument(
        "--publish",
        type=Path,
        metavar="DIR",
        help="also put a whole run into DIR/benchmarks.md, DIR/benchmarks.json and DIR/images/",
    )
    return parser


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return Path(text)


def _label_and_directory(text: str) -> tuple[str, Path]:
    label, equals, directory = text.partition("=")
    if not equals or not label.replace("-", "").isalnum() or label == WHEEL_LABEL:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not LABEL=DIR, with letters, digits and hyphens in LABEL; "
            f"{WHEEL_LABEL!r} is taken"
        )
    return label, Path(directory)


def _chosen(parser: argparse.ArgumentParser, names: Sequence[str]) -> list[Benchmark]:
    for name in names:
        if name not in _BENCHMARKS:
            parser.error(f"no benchmark {name!r}; choose from: {', '.join(_BENCHMARKS)}")
    return [_BENCHMARKS[name] for name in dict.fromkeys(names or _BENCHMARKS)]


def _start(options: argparse.Namespace) -> Report:
    """The report of a run that has measured nothing yet."""
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    facts = {**machine(), "load_average": os.getloadavg()[0]}
    wheel, wheel_libraries = installed()
    libraries = [wheel_libraries]
    libraries += [compared(label, path, wheel_libraries) for label, path in options.compare]
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    return Report(date, facts, wheel, libraries, rounds, options.quick, [])


def _measure(benchmarks: Sequence[Benchmark], wheel: Path, report: Report) -> list[Result]:
    for benchmark in benchmarks:
        benchmark.check()
    results = []
    for benchmark in benchmarks:
        print(f"\n==> bench: {benchmark.title}", flush=True)
        with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
            notes: list[str] = []
            settings = (wheel, report.libraries, report.rounds, report.quick, Path(scratch))
            run = Run(*settings, _say, notes.append)
            comparisons = benchmark.measure(run)
            results.append(Result(benchmark, comparisons, notes, run.watch.rounds))
            if warning := load_warning(run.watch.rounds):
                _say(f"warning: {warning}")
    return results


def _say(message: str) -> None:
    print(f"    {message}", flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # So that all blocks end, which stop the server and remove temporary files.
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
    part = len(benchmarks) < len(_BENCHMARKS) and not options.reuse
    if options.publish and (options.quick or part):
        parser.error("--publish needs a whole run: all benchmarks or --reuse, without --quick")
    try:
        report = _start(options)
        others = [each for each in _ALL if each not in benchmarks]
        earlier = earlier_results(options.reuse, others, report) if options.reuse else []
        if options.publish:  # before measuring for an hour
            check_page(options.publish)
            reused = [each.benchmark for each in earlier]
            if missing := [each.name for each in others if each not in reused]:
                raise BenchmarkError(
                    f"--publish needs all benchmarks; name those that {options.reuse} lacks, too: "
                    f"{', '.join(missing)}"
                )
        options.output.mkdir(parents=True, exist_ok=True)
        adopt_orphans()
        results = [*_measure(benchmarks, options.wheel, report), *earlier]
        results.sort(key=lambda result: _ALL.index(result.benchmark))
        report = replace(report, results=results)
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
