"""The arithmetic of a slow line: when bytes have left, and when they arrive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """When some bytes pass, in seconds of the clock that `Line.put` was given.

    Attributes:
        left: the last of them is on the line.
        arrives: the last of them is at the other end.
    """

    left: float
    arrives: float


@dataclass(frozen=True)
class Speed:
    """The speed of a line, the same in both directions.

    Attributes:
        megabits: per second, of 10^6 bits.
        round_trip: milliseconds there and back.
    """

    megabits: int
    round_trip: int

    def __str__(self) -> str:
        return f"{self.megabits} Mbit/s, {self.round_trip} ms"

    @property
    def bytes_per_second(self) -> float:
        """How many bytes it carries in one direction."""
        return self.megabits * 1e6 / 8

    @property
    def delay(self) -> float:
        """Seconds from one end to the other."""
        return self.round_trip / 2e3

    def seconds(self, size: int) -> float:
        """How long bytes take on an empty line, without the delay."""
        return size / self.bytes_per_second


class Line:
    """One direction of a line that all connections share: a token bucket that saves no tokens."""

    def __init__(self, speed: Speed) -> None:
        self._speed = speed
        self._free = float("-inf")

    def put(self, now: float, size: int) -> Passage:
        """Put bytes on the line, behind all earlier ones.

        Args:
            now: the time, in seconds of a monotonic clock.
            size: how many bytes.
        """
        left = max(now, self._free) + self._speed.seconds(size)
        self._free = left
        return Passage(left, left + self._speed.delay)
