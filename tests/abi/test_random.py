"""Random numbers: the reference's sequences, values within ranges, and invalid ranges."""

from __future__ import annotations

import csv
import math
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.log_capture import LogCapture

VECTORS = Path(__file__).with_name("random_vectors.tsv")
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


class Vector(NamedTuple):
    """A line of the table of reference sequences."""

    call: str
    seed: int
    first: str
    last: str
    bound: str
    values: str


def vectors() -> list[Any]:
    with VECTORS.open(encoding="utf-8", newline="") as table:
        rows = [
            Vector(row[0], int(row[1]), *row[2:])
            for row in list(csv.reader(table, "excel-tab"))[1:]
        ]
    return [pytest.param(row, id="-".join(filter(None, map(str, row[:5])))) for row in rows]


@pytest.fixture
def lib(capi: CApi) -> Any:
    return capi.lib


class Generator:
    """A generator and its calls, in Python's terms."""

    def __init__(self, api: CApi, seed: int) -> None:
        self.api = api
        self.handle = api.lib.temporal_core_random_new(seed)
        assert self.handle != api.NULL

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.api.lib.temporal_core_random_free(self.handle)

    def integer(self, first: int, last: int, *, inclusive: bool) -> int:
        draw = self.api.lib.temporal_core_random_int32_range
        return int(draw(self.handle, first, last, inclusive))

    def double(self, first: float, last: float, *, inclusive: bool) -> float:
        draw = self.api.lib.temporal_core_random_double_range
        return float(draw(self.handle, first, last, inclusive))

    def fill(self, size: int) -> bytes:
        """Fill a buffer, and check that no byte outside it changes."""
        margin = b"\xa5" * 16
        memory = self.api.ffi.new("uint8_t[]", margin + bytes(size) + margin)
        target = {"data": memory + len(margin), "size": size}
        self.api.lib.temporal_core_random_fill_bytes(self.handle, target)
        written = bytes(self.api.ffi.buffer(memory))[: size + 2 * len(margin)]
        assert written.startswith(margin)
        assert written.endswith(margin)
        return written[len(margin) : -len(margin)]


@pytest.fixture
def generator(capi: CApi) -> Iterator[Generator]:
    with Generator(capi, 42) as made:
        yield made


@pytest.mark.parametrize("vector", vectors())
def test_reference_sequence(capi: CApi, vector: Vector) -> None:
    expected = vector.values.split()
    inclusive = vector.bound == "inclusive"
    with Generator(capi, vector.seed) as generator:
        drawn: list[str]
        if vector.call == "int32_range":
            first, last = int(vector.first), int(vector.last)
            drawn = [str(generator.integer(first, last, inclusive=inclusive)) for _ in expected]
        elif vector.call == "double_range":
            low, high = float(vector.first), float(vector.last)
            drawn = [generator.double(low, high, inclusive=inclusive).hex() for _ in expected]
        elif vector.call == "fill_bytes":
            drawn = [generator.fill(int(vector.first)).hex()]
        else:
            assert vector.call == "mixed"
            drawn = [
                str(generator.integer(0, 1000, inclusive=False)),
                generator.double(0.0, 1.0, inclusive=False).hex(),
                generator.fill(4).hex(),
                str(generator.integer(0, 1000, inclusive=True)),
            ]
    if vector.call == "double_range":
        expected = [float.fromhex(value).hex() for value in expected]
    elif vector.call == "mixed":
        expected[1] = float.fromhex(expected[1]).hex()
    assert drawn == expected


def test_every_line_of_the_table_is_tested() -> None:
    assert len(vectors()) == len(VECTORS.read_text(encoding="utf-8").splitlines()) - 1 == 56


def test_generators_are_independent(capi: CApi) -> None:
    with Generator(capi, 7) as alone:
        expected = [alone.fill(8) for _ in range(10)]
    with Generator(capi, 7) as first, Generator(capi, 7) as second:
        assert [(first.fill(8), second.fill(8)) for _ in range(10)] == [(v, v) for v in expected]


@pytest.mark.parametrize("size", [0, 1, 4, 7, 8, 9, 15, 16, 4096, 4099])
def test_buffers_of_any_size_get_the_same_stream(capi: CApi, size: int) -> None:
    with Generator(capi, 3) as one, Generator(capi, 3) as other:
        stream = b"".join(one.fill(8) for _ in range(size // 8 + 1))
        assert other.fill(size) == stream[:size]


@pytest.mark.parametrize(
    ("first", "last", "inclusive"),
    [
        (5, 5, False),
        (5, 4, True),
        (5, 4, False),
        (INT32_MIN, INT32_MIN, False),
        (1, INT32_MIN, True),
    ],
)
def test_empty_integer_range_returns_its_minimum(
    generator: Generator, first: int, last: int, inclusive: bool
) -> None:
    assert generator.integer(first, last, inclusive=inclusive) == first


@pytest.mark.parametrize("value", [INT32_MIN, -1, 0, INT32_MAX])
def test_range_of_one_integer_returns_it(generator: Generator, value: int) -> None:
    assert generator.integer(value, value, inclusive=True) == value


@pytest.mark.parametrize("inclusive", [False, True])
def test_integers_stay_within_their_range(generator: Generator, inclusive: bool) -> None:
    drawn = {generator.integer(-2, 2, inclusive=inclusive) for _ in range(500)}
    assert drawn == set(range(-2, 3 if inclusive else 2))


@pytest.mark.parametrize(
    ("first", "last", "inclusive"),
    [
        (1.5, 1.5, False),
        (1.5, 1.0, False),
        (1.5, 1.0, True),
        (1.5, math.nan, True),
        (1.5, math.inf, False),
        (-math.inf, 1.5, True),
        (-math.inf, math.inf, True),
        (math.inf, math.inf, True),
    ],
)
def test_invalid_double_range_returns_its_minimum(
    generator: Generator, first: float, last: float, inclusive: bool
) -> None:
    assert generator.double(first, last, inclusive=inclusive) == first


@pytest.mark.parametrize("inclusive", [False, True])
def test_nan_as_minimum_is_returned(generator: Generator, inclusive: bool) -> None:
    assert math.isnan(generator.double(math.nan, 1.0, inclusive=inclusive))


def test_exclusive_double_range_never_reaches_its_maximum(generator: Generator) -> None:
    """Rounding would reach it, because there is no double between these bounds."""
    above_one = math.nextafter(1.0, 2.0)
    assert {generator.double(1.0, above_one, inclusive=False) for _ in range(100)} == {1.0}


def test_inclusive_double_range_may_reach_its_maximum(generator: Generator) -> None:
    above_one = math.nextafter(1.0, 2.0)
    drawn = {generator.double(1.0, above_one, inclusive=True) for _ in range(100)}
    assert drawn == {1.0, above_one}
    assert generator.double(2.5, 2.5, inclusive=True) == 2.5


def test_widest_double_range_returns_values_within(generator: Generator) -> None:
    """Its width is not a finite double."""
    widest = sys.float_info.max
    drawn = [generator.double(-widest, widest, inclusive=True) for _ in range(200)]
    assert all(map(math.isfinite, drawn))
    assert min(drawn) < -widest / 2
    assert max(drawn) > widest / 2


def test_any_non_zero_byte_is_inclusive(capi: CApi, generator: Generator) -> None:
    """C's bool is one byte, and callers without a C compiler may write values other than 1."""
    signature = "int32_t(*)(TemporalCoreRandom *, int32_t, int32_t, uint8_t)"
    draw = capi.ffi.cast(signature, capi.lib.temporal_core_random_int32_range)
    assert draw(generator.handle, 9, 9, 2) == 9
    assert {draw(generator.handle, 0, 1, 255) for _ in range(50)} == {0, 1}


def test_null_generator(capi: CApi, lib: Any) -> None:
    buffer = capi.ffi.new("uint8_t[8]")
    assert lib.temporal_core_random_int32_range(capi.NULL, 3, 9, True) == 3
    assert lib.temporal_core_random_double_range(capi.NULL, 3.5, 9.0, True) == 3.5
    lib.temporal_core_random_fill_bytes(capi.NULL, {"data": buffer, "size": 8})
    assert bytes(buffer) == bytes(8)
    lib.temporal_core_random_free(capi.NULL)


@pytest.mark.parametrize("size", [0, 5, 2**63, 2**64 - 1])
def test_null_buffer_is_left_alone(capi: CApi, generator: Generator, size: int) -> None:
    target = {"data": capi.NULL, "size": size}
    capi.lib.temporal_core_random_fill_bytes(generator.handle, target)
    with Generator(capi, 42) as untouched:
        assert generator.fill(8) == untouched.fill(8)


def test_errors_on_a_runtime_thread_are_logged(capi: CApi) -> None:
    """A generator has no runtime, so its errors go to the thread's logs."""
    logs = LogCapture(capi)

    def respond(_request: Request) -> Response:
        with Generator(capi, 1) as generator:
            generator.integer(5, 5, inclusive=False)
            generator.double(0.0, math.nan, inclusive=True)
            capi.lib.temporal_core_random_fill_bytes(
                generator.handle, {"data": capi.NULL, "size": 5}
            )
        return Response()

    override = Override(capi, respond)
    lender = capi.lend()
    options = lender.struct("TemporalCoreRuntimeOptions", telemetry=logs.telemetry(lender))
    with (
        capi.runtime(options) as runtime,
        connection_to(override, runtime),
    ):
        pass
    errors = logs.messages("Error")
    assert [message for message in errors if "random" in message] == [
        "temporal_core_random_int32_range: the range from 5 to 5 is empty",
        "temporal_core_random_double_range: min and max must be finite, not 0 and NaN",
        "temporal_core_random_fill_bytes: bytes has size 5 but its data is NULL",
    ]


def test_one_generator_serves_64_threads(capi: CApi) -> None:
    threads_count, draws = 64, 100
    with Generator(capi, 9) as alone:
        expected = sorted(alone.fill(8) for _ in range(threads_count * draws))
    drawn: list[bytes] = []
    with Generator(capi, 9) as shared:

        def draw() -> None:
            mine = [shared.fill(8) for _ in range(draws)]
            drawn.extend(mine)

        threads = [threading.Thread(target=draw) for _ in range(threads_count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive()
    assert sorted(drawn) == expected
