"""What a benchmark consists of, and what it gets from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.harness.comparison import Comparison
from benchmarks.harness.libraries import Libraries
from benchmarks.harness.load import Load, Watch

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Run:
    """What one run of the benchmarks measures, and how.

    Attributes:
        wheel: the file that was installed.
        libraries: the archives under test, those of the wheel first.
        rounds: how many samples to take of each contender.
        quick: a look rather than a measurement: less of everything.
        scratch: an empty directory for this benchmark only, removed after it.
        say: shows progress.
        note: adds a sentence to the report that `Benchmark.about` cannot know.
        watch: records how busy the machine is in each round.
    """

    wheel: Path
    libraries: Sequence[Libraries]
    rounds: int
    quick: bool
    scratch: Path
    say: Callable[[str], None]
    note: Callable[[str], None]
    watch: Watch = field(default_factory=Watch)

    def in_rounds(self, most: int | None = None) -> Iterable[int]:
        """The numbers of the rounds, from 0; the load is recorded in each.

        Args:
            most: not more rounds than these.
        """
        return self.watched(range(self.rounds if most is None else min(self.rounds, most)))

    def watched(self, rounds: Iterable[_Item]) -> Iterator[_Item]:
        """Yield rounds, and record the load in each."""
        for item in rounds:
            with self.watch.round():
                yield item

    def link(self, libraries: Libraries, sources: Sequence[Path]) -> Path:
        """Link a program in C.

        Args:
            libraries: what it is linked with.
            sources: its C files; it gets the name of the first.
        """
        program = self.scratch / f"{sources[0].stem}-{libraries.label}"
        libraries.link(sources, program)
        return program

    def link_each(self, sources: Sequence[Path]) -> dict[str, Path]:
        """Link a program with all libraries under test: contender to program."""
        return {each.contender: self.link(each, sources) for each in self.libraries}

    def scaled(self, count: int) -> int:
        """How many of `count` things to do in this run."""
        return max(1, count // 10) if self.quick else count


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: what the command line calls it.
        title: heading in the report.
        about: what is measured and how, in Markdown.
        measure: measures it.
        check: raises `BenchmarkError` if measuring cannot work on this machine; called before
            anything is measured.
    """

    name: str
    title: str
    about: str
    measure: Callable[[Run], list[Comparison]]
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Result:
    """The result of a benchmark.

    Attributes:
        benchmark: the benchmark.
        comparisons: what it measured.
        notes: sentences that it added to the report.
        loads: of the machine in each round.
    """

    benchmark: Benchmark
    comparisons: Sequence[Comparison]
    notes: Sequence[str]
    loads: Sequence[Load] = ()
