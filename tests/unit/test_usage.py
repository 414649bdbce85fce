"""`python -m tools.records usage`: summarizing a file of TEMPORAL_LIBS_METRICS."""

from __future__ import annotations

import json
from typing import Any

from tools.records.usage import percentile, usage


def line(**values: Any) -> str:
    """A line for a successful resolution, with some values replaced."""
    return json.dumps(
        {
            "time": "2026-11-23T12:00:00Z",
            "version": "0.10.1",
            "source": "wheel",
            "checked": "remembered",
            "outcome": "ok",
            "milliseconds": 1.0,
            **values,
        }
    )


def test_rates_and_durations() -> None:
    lines = [
        *(line(milliseconds=float(number)) for number in range(1, 98)),
        line(checked="hashed", milliseconds=60.0),
        line(source="compiled", checked="hashed", milliseconds=600_000.0),
        line(source=None, checked=None, outcome="ChecksumMismatchError", milliseconds=59.5),
    ]
    assert usage(lines).splitlines() == [
        "resolutions:  100",
        "success:      99.0% (99 of 100)",
        "cache hits:   98.0% (97 of 99), checks that were remembered",
        "fallback:     1.0% (1 of 100), compiled on the machine",
        "took:         p50 50.0 ms, p90 88.0 ms, p99 97.0 ms, longest 600000.0 ms",
        "failed:       1 ChecksumMismatchError",
    ]


def test_broken_lines_are_counted_and_skipped() -> None:
    broken = [
        '{"source": "wheel", "che',
        "[]",
        "{}",
        line(milliseconds="soon"),
        line(milliseconds=float("nan")),
        line(source="sky"),
        line(checked="perhaps"),
        line(outcome=None),
    ]
    first, *_ = usage([*broken, "", line()]).splitlines()
    assert first == "resolutions:  1, and 8 broken lines"


def test_file_without_a_line() -> None:
    assert usage([]).splitlines() == [
        "resolutions:  0",
        "success:      none",
        "cache hits:   none, checks that were remembered",
        "fallback:     none, compiled on the machine",
    ]


def test_percentile_is_a_measured_value() -> None:
    assert [percentile([3.0, 1.0, 2.0], percent) for percent in (1, 50, 99, 100)] == [1, 2, 3, 3]
