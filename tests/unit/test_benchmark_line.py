"""The benchmarks' simulated slow line: its arithmetic, with a fake clock."""

from __future__ import annotations

import pytest

from benchmarks.harness.line import Line, Speed


def test_speed_uses_decimal_bits_and_half_the_round_trip_as_delay() -> None:
    speed = Speed(megabits=50, round_trip=100)
    assert (speed.bytes_per_second, speed.delay) == (6_250_000, 0.05)
    assert speed.seconds(12_500_000) == 2
    assert str(speed) == "50 Mbit/s, 100 ms"


def test_bytes_leave_at_the_rate_and_arrive_after_the_delay() -> None:
    passage = Line(Speed(8, 100)).put(now=10.0, size=500_000)
    assert (passage.left, passage.arrives) == pytest.approx((10.5, 10.55))


def test_second_transfer_waits_for_the_first() -> None:
    line = Line(Speed(8, 100))
    line.put(now=10.0, size=500_000)
    passage = line.put(now=10.1, size=1_000_000)
    assert (passage.left, passage.arrives) == pytest.approx((11.5, 11.55))


def test_idle_time_does_not_accumulate_bandwidth() -> None:
    line = Line(Speed(8, 100))
    line.put(now=0.0, size=1_000_000)
    assert line.put(now=60.0, size=1_000_000).left == pytest.approx(61.0)


@pytest.mark.parametrize("chunk", [1_000, 16_384, 250_000])
def test_rate_is_independent_of_chunk_size(chunk: int) -> None:
    line = Line(Speed(200, 100))
    total = 0
    while total < 25_000_000:
        last = line.put(now=0.0, size=chunk)
        total += chunk
    assert last.left == pytest.approx(total / 25_000_000)


def test_empty_transfer_takes_only_the_delay() -> None:
    assert Line(Speed(10, 100)).put(now=1.0, size=0).arrives == pytest.approx(1.05)
