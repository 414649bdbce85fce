"""The arithmetic of a slow line: when what is put on it has left, and when it arrives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """Of some bytes, in seconds of the clock that they were put on the line by.

    Attributes:
        left: the last of them is on the line.
        arrives: the last of them is at its end.
    """

    left: float
    arrives: float


@dataclass(frozen=True)
class Speed:
    """Of a line, the same both ways.

    Attributes:
        megabits: a second, of 10^6 bits.
        round_trip: milliseconds there and back.
    """

    megabits: int
    round_trip: int

    def __str__(self) -> str:
        return f"{self.megabits} Mbit/s, {self.round_trip} ms"

    @property
    def bytes_per_second(self) -> float:
        """How many it carries, one way."""
        return self.megabits * 1e6 / 8

    @property
    def delay(self) -> float:
        """Seconds from one end to the other."""
        return self.round_trip / 2e3

    def seconds(self, size: int) -> float:
        """How long bytes take that are all there is on the line, but for the delay."""
        return size / self.bytes_per_second


class Line:
    """One way of a line, which all connections share: a token bucket that saves nothing up."""

    def __init__(self, speed: Speed) -> None:
        self._speed = speed
        self._free = float("-inf")

    def put(self, now: float, size: int) -> Passage:
        """Put bytes on the line, behind all that was put on it before.

        Args:
            now: the time, in seconds of any clock that does not go back.
            size: how many bytes.
        """
        left = max(now, self._free) + self._speed.seconds(size)
        self._free = left
        return Passage(left, left + self._speed.delay)
