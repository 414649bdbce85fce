"""Contenders measured side by side, and what their samples say."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.harness.child import Span


@dataclass(frozen=True)
class Contender:
    """One of those that are measured side by side.

    Attributes:
        name: what the report calls it.
        sample: does the thing that is measured, once.
    """

    name: str
    sample: Callable[[], Span]


@dataclass(frozen=True)
class Ratio:
    """The subject's samples over another contender's, each pair taken in the same round.

    Attributes:
        median: the median of the rounds' ratios.
        lowest: the lowest of them.
        highest: the highest of them.
    """

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Comparison:
    """One quantity under one condition, of several contenders.

    Attributes:
        quantity: what is compared, with its unit.
        condition: under which circumstances.
        samples: contender to its samples, one a round, in order. The first contender is the
            subject, which the others are compared with.
    """

    quantity: str
    condition: str
    samples: Mapping[str, Sequence[float]]

    @property
    def subject(self) -> str:
        """The contender that the report is about."""
        return next(iter(self.samples))

    @property
    def others(self) -> tuple[str, ...]:
        """The contenders that it is compared with."""
        return tuple(self.samples)[1:]

    def median(self, contender: str) -> float:
        """The median of a contender's samples."""
        return statistics.median(self.samples[contender])

    def ratio(self, other: str) -> Ratio:
        """The subject over another contender."""
        pairs = zip(self.samples[self.subject], self.samples[other], strict=True)
        ratios = [subject / compared_with for subject, compared_with in pairs]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, as Python objects."""
        return {
            "quantity": self.quantity,
            "condition": self.condition,
            "subject": self.subject,
            "contenders": {
                name: {"median": self.median(name), "samples": list(samples)}
                for name, samples in self.samples.items()
            },
            "ratios": {other: vars(self.ratio(other)) for other in self.others},
        }


#: What the span of a sample says: the quantity's name and its value.
_QUANTITIES: Final[Mapping[str, Callable[[Span], float]]] = {
    "{things} per second": lambda span: span.per_second,
    "µs of CPU per {thing}": lambda span: span.cpu_micros_each,
}


def compare_spans(
    thing: str, condition: str, contenders: Sequence[Contender], rounds: int
) -> list[Comparison]:
    """Measure contenders in turn, A B C A B C …, so that a machine that slows down slows all.

    Args:
        thing: what they do many times, in the singular.
        condition: under which circumstances.
        contenders: the subject first.
        rounds: how many samples to take of each.

    Returns:
        Two comparisons: how many things per second, and their CPU time.
    """
    spans: dict[str, list[Span]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            spans[contender.name].append(contender.sample())
    return [
        Comparison(
            name.format(thing=thing, things=f"{thing}s"),
            condition,
            {contender: [value(span) for span in taken] for contender, taken in spans.items()},
        )
        for name, value in _QUANTITIES.items()
    ]
