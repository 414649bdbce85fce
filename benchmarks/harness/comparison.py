"""Contenders measured side by side, and what their samples say."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Contender:
    """One of those that are measured side by side.

    Attributes:
        name: what the report calls it.
        sample: measures it once, and returns a figure for each row of the report.
    """

    name: str
    sample: Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Ratio:
    """One contender's samples over another's, each pair taken in the same round.

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
        samples: contender to its samples, one per round, in order. The first contender is the
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

    def ratio(self, other: str, contender: str | None = None) -> Ratio:
        """A contender, by default the subject, over another one."""
        pairs = zip(self.samples[contender or self.subject], self.samples[other], strict=True)
        ratios = [above / below for above, below in pairs]
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


def in_turn(
    contenders: Sequence[Contender], rounds: Iterable[object]
) -> dict[str, dict[str, list[float]]]:
    """Measure contenders in turn, A B C A B C …, so that a machine that slows down slows all.

    Args:
        contenders: the subject first. All return the same rows.
        rounds: one item for each sample of a contender.

    Returns:
        Row of the report to contender to its samples.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    for _ in rounds:
        for contender in contenders:
            for row, figure in contender.sample().items():
                rows.setdefault(row, {}).setdefault(contender.name, []).append(figure)
    return rows


def compare(
    condition: str, contenders: Sequence[Contender], rounds: Iterable[object]
) -> list[Comparison]:
    """Measure contenders in turn whose rows are quantities under one condition.

    Args:
        condition: under which circumstances.
        contenders: as for `in_turn`.
        rounds: as for `in_turn`.

    Returns:
        A comparison for each quantity.
    """
    return [
        Comparison(quantity, condition, samples)
        for quantity, samples in in_turn(contenders, rounds).items()
    ]
