"""What a benchmark is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.comparison import Comparison
from benchmarks.harness.libraries import Libraries


@dataclass(frozen=True)
class Run:
    """What one run of the benchmarks measures, and how.

    Attributes:
        wheel: the file that was installed.
        libraries: the archives under test, those of the wheel first.
        rounds: how many samples to take of each contender.
        quick: a look rather than a measurement: less of everything.
        scratch: an empty directory of the benchmark's own, gone after it.
        say: tells whoever waits what goes on.
        note: tells the reader of the report what `Benchmark.about` cannot know, in a sentence.
    """

    wheel: Path
    libraries: Sequence[Libraries]
    rounds: int
    quick: bool
    scratch: Path
    say: Callable[[str], None]
    note: Callable[[str], None]

    def scaled(self, count: int) -> int:
        """How many of `count` things to do in this run."""
        return max(1, count // 10) if self.quick else count


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: what the command line calls it.
        title: heading in the report.
        about: what is measured and how, a paragraph of Markdown.
        measure: measures it.
        check: raises `BenchmarkError` if that is known to fail on this machine; called before
            anything is measured.
    """

    name: str
    title: str
    about: str
    measure: Callable[[Run], list[Comparison]]
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Result:
    """What came of a benchmark.

    Attributes:
        benchmark: the benchmark.
        comparisons: what it measured.
        notes: what it told the reader of the report.
    """

    benchmark: Benchmark
    comparisons: Sequence[Comparison]
    notes: Sequence[str]
