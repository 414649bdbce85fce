"""Connects and calls end in time wherever the server stalls, and leave nothing behind."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

from tests.support.abi.capi import CApi
from tests.support.abi.deadlines import (
    BEFORE_A_CALL,
    CANCELLED,
    IN_A_CALL,
    LATE,
    SLOW,
    TIMED_OUT,
    TIMEOUT,
    Journey,
    Way,
    cancellation_token,
    connect_extra,
    connect_failure,
    journey,
    make_call,
    make_calls,
    outcomes,
    start_connect,
)
from tests.support.abi.footprint import nothing_left
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.metrics import CustomMeter, runtime_options
from tests.support.abi.rpc import Outcome, connection, outcome
from tests.support.peers.stalling_peer import IN_AN_ANSWER, Place, Reply, StallingPeer, Then
from tests.support.programs.waiting import until

PLAIN = Way(Place.SETTINGS)
SUCCESS = Outcome(b"", 0, None, None)


@pytest.fixture(scope="module", autouse=True)
def _made_once(capi: CApi) -> None:
    """Make what the first runtime of a process creates for all later ones."""
    with capi.runtime():
        pass


@pytest.fixture
def plain(capi: CApi, tmp_path: Path) -> Iterator[Journey]:
    """A peer without TLS that works correctly."""
    with journey(capi, PLAIN, tmp_path) as made:
        yield made


class TestConnect:
    """``temporal_static_libs_client_connect``."""

    @pytest.mark.parametrize("way", BEFORE_A_CALL + IN_A_CALL, ids=str)
    def test_it_ends_by_its_timeout_or_its_token_and_leaves_nothing(
        self, capi: CApi, tmp_path: Path, way: Way
    ) -> None:
        """Each has a runtime that is freed at once, so that only the connect holds it."""

        def connects(count: int, **bounds: Any) -> list[Any]:
            answers = []
            for _ in range(count):
                with capi.runtime() as runtime:
                    answers.append(trip.start_connect(runtime, **bounds))
            return answers

        with (
            journey(capi, way, tmp_path) as trip,
            cancellation_token(capi) as token,
        ):
            trip.stall()
            with nothing_left():
                started = time.monotonic()
                timed = connects(20, timeout_millis=TIMEOUT)
                cancelled = connects(10, timeout_millis=SLOW, token=token)
                messages = {connect_failure(capi, answer) for answer in timed}
                assert time.monotonic() - started >= TIMEOUT / 1000
                capi.lib.temporal_core_cancellation_token_cancel(token)
                assert {connect_failure(capi, answer) for answer in cancelled} == {"Cancelled"}
            assert trip.peer.open_connections == 0
        within = f"Connection failed: no connection to {trip.peer.target} within {TIMEOUT} ms: "
        assert {message[: len(within)] for message in messages} == {within}

    def test_a_token_cancelled_beforehand_connects_to_nothing(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        with cancellation_token(capi) as token:
            capi.lib.temporal_core_cancellation_token_cancel(token)
            answers = [plain.start_connect(runtime, token=token) for _ in range(20)]
        assert {connect_failure(capi, answer) for answer in answers} == {"Cancelled"}
        assert plain.peer.accepted == 0

    def test_a_token_cancelled_afterwards_leaves_the_connection_alone(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        with cancellation_token(capi) as token, ExitStack() as stack:
            answer = plain.start_connect(runtime, timeout_millis=TIMEOUT, token=token)
            client = connected(capi, stack, answer)
            capi.lib.temporal_core_cancellation_token_cancel(token)
            time.sleep(TIMEOUT / 1000)  # The timeout of the connect does not end it either.
            assert outcome(capi, make_call(capi, client)) == SUCCESS

    def test_a_token_may_be_freed_at_once(self, capi: CApi, runtime: Any, plain: Journey) -> None:
        with ExitStack() as stack:
            with cancellation_token(capi) as token:
                answer = plain.start_connect(runtime, token=token)
            connected(capi, stack, answer)

    def test_a_timeout_of_0_is_not_a_short_one(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        plain.stall()
        with cancellation_token(capi) as token:
            answer = plain.start_connect(runtime, token=token)
            time.sleep(2 * TIMEOUT / 1000)
            assert not answer.answered_again()
            capi.lib.temporal_core_cancellation_token_cancel(token)
            assert connect_failure(capi, answer) == "Cancelled"

    def test_without_extra_options_it_connects_as_the_other_export_does(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        with ExitStack() as stack:
            answer = start_connect(capi, runtime, plain.peer.target, capi.NULL)
            client = connected(capi, stack, answer)
            assert outcome(capi, make_call(capi, client)) == SUCCESS

    @pytest.mark.parametrize("size", [0, 16, 25])
    def test_the_size_of_another_struct_is_refused(
        self, capi: CApi, runtime: Any, plain: Journey, size: int
    ) -> None:
        extra = connect_extra(capi, plain.lender, timeout_millis=TIMEOUT)
        right = extra.size
        extra.size = size
        answer = start_connect(capi, runtime, plain.peer.target, extra)
        assert answer.thread == threading.get_ident()
        reason = f"Invalid options: extra.size must be {right}, not {size}{capi.interface_note}"
        assert connect_failure(capi, answer) == reason

    def test_invalid_options_are_refused_on_the_calling_thread(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        extra = connect_extra(capi, plain.lender, timeout_millis=TIMEOUT)
        answer = start_connect(capi, runtime, "127.0.0.1:7233", extra)
        assert answer.thread == threading.get_ident()
        assert connect_failure(capi, answer).startswith("Invalid options: target_url ")

    def test_after_a_timeout_the_next_connect_succeeds(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        plain.stall()
        answer = plain.start_connect(runtime, timeout_millis=TIMEOUT)
        assert connect_failure(capi, answer).startswith("Connection failed: ")
        plain.peer.behave()
        with ExitStack() as stack:
            connected(capi, stack, plain.start_connect(runtime, timeout_millis=SLOW))


def connected(capi: CApi, stack: ExitStack, answer: Any) -> Any:
    """Wait for a connect that succeeds; the connection is freed with the stack."""
    success, fail = answer.wait()
    assert fail == capi.NULL, capi.take_text(fail)
    stack.callback(capi.lib.temporal_core_client_free, success)
    return success


class TestCall:
    """``timeout_millis`` and the token of a call that is sent once."""

    @pytest.mark.parametrize("way", BEFORE_A_CALL + IN_A_CALL, ids=str)
    def test_it_ends_in_time_on_a_connection_made_again(
        self, capi: CApi, tmp_path: Path, way: Way
    ) -> None:
        with journey(capi, way, tmp_path) as trip, nothing_left():
            with (
                capi.runtime() as runtime,
                connection(capi, runtime, trip.peer.target, **trip.fields) as client,
            ):
                trip.stall()
                trip.lose_connections()
                check_that_calls_end(capi, client)
            until(lambda: trip.peer.open_connections == 0, "end of the client's connections")

    @pytest.mark.parametrize("way", IN_A_CALL, ids=str)
    def test_it_ends_in_time_on_a_connection_that_worked(
        self, capi: CApi, tmp_path: Path, way: Way
    ) -> None:
        with journey(capi, way, tmp_path) as trip, nothing_left():
            with (
                capi.runtime() as runtime,
                connection(capi, runtime, trip.peer.target, **trip.fields) as client,
            ):
                trip.stall()
                check_that_calls_end(capi, client)
                calls = trip.peer.asked("stalled")
                until(lambda: all(call.reset for call in calls), "end of the streams")
                trip.peer.behave()
                assert outcome(capi, make_call(capi, client, timeout_millis=SLOW)) == SUCCESS
            assert {call.connection for call in calls} == {1}

    @pytest.mark.parametrize(
        "way",
        [Way(Place.ACCEPT), Way(Place.CONNECT, proxy=True), Way(Place.TLS, tls=True)],
        ids=str,
    )
    def test_calls_succeed_again_once_the_server_does(
        self, capi: CApi, runtime: Any, tmp_path: Path, way: Way
    ) -> None:
        with (
            journey(capi, way, tmp_path) as trip,
            connection(capi, runtime, trip.peer.target, **trip.fields) as client,
        ):
            trip.stall()
            trip.lose_connections()
            timed = make_calls(capi, client, 5, timeout_millis=TIMEOUT)
            assert outcomes(capi, timed) == {TIMED_OUT}
            trip.peer.behave()
            trip.peer.drop()
            again = make_call(capi, client, retry=True, timeout_millis=SLOW)
            assert outcome(capi, again) == SUCCESS

    def test_a_grpc_override_that_does_not_answer_is_not_waited_for(
        self, capi: CApi, runtime: Any
    ) -> None:
        answering = threading.Event()

        def respond(request: Request) -> Response:
            if request.rpc != "GetSystemInfo":
                answering.wait(30)
            return Response()

        with connection_to(Override(capi, respond), runtime) as client:
            try:
                check_that_calls_end(capi, client)
            finally:
                answering.set()

    def test_the_header_of_an_attempt_states_its_time(
        self, capi: CApi, runtime: Any, plain: Journey
    ) -> None:
        history = GetWorkflowExecutionHistoryRequest(wait_new_event=True).SerializeToString()
        long_poll = {"rpc": "GetWorkflowExecutionHistory", "request": history}
        expected: dict[str, tuple[dict[str, Any], str]] = {
            "default": ({}, "30000000u"),
            "long-poll": (long_poll, "70000000u"),
            "given": ({"timeout_millis": 12_345}, "12345000u"),
            "long-poll-given": ({**long_poll, "timeout_millis": 12_345}, "12345000u"),
            "largest": ({"timeout_millis": 2**32 - 1}, "4294967S"),
            "header": ({"metadata": ["grpc-timeout\n7S"]}, "7S"),
            "both": ({"metadata": ["grpc-timeout\n7S"], "timeout_millis": 12_345}, "12345000u"),
        }
        with connection(capi, runtime, plain.peer.target) as client:
            answers = [
                make_call(capi, client, case, retry=retry, **given)
                for case, (given, _) in expected.items()
                for retry in (False, True)
            ]
            assert outcomes(capi, answers) == {SUCCESS}
        for case, (_, header) in expected.items():
            sent = [call.headers["grpc-timeout"] for call in plain.peer.asked(case)]
            assert (case, sent) == (case, [header] * 2)

    @pytest.mark.parametrize("retry", [False, True], ids=["once", "retry"])
    @pytest.mark.parametrize("place", IN_AN_ANSWER, ids=lambda place: place.name)
    def test_a_timeout_in_the_header_of_the_call_bounds_it_too(
        self, capi: CApi, runtime: Any, plain: Journey, place: Place, retry: bool
    ) -> None:
        plain.peer.script("stalled", repeat(Reply(stop=place)))
        with connection(capi, runtime, plain.peer.target) as client:
            metadata = [f"grpc-timeout\n{TIMEOUT}m"]
            answer = make_call(capi, client, "stalled", metadata=metadata, retry=retry)
            assert outcome(capi, answer, LATE) == TIMED_OUT


def check_that_calls_end(capi: CApi, client: Any) -> None:
    """Check that some calls end by their timeouts, and others by their token."""
    with cancellation_token(capi) as token:
        started = time.monotonic()
        timed = make_calls(capi, client, 10, case="stalled", timeout_millis=TIMEOUT)
        cancelled = make_calls(capi, client, 5, case="stalled", timeout_millis=SLOW, token=token)
        assert outcomes(capi, timed) == {TIMED_OUT}
        assert time.monotonic() - started >= TIMEOUT / 1000
        assert not any(answer.answered_again() for answer in cancelled)
        capi.lib.temporal_core_cancellation_token_cancel(token)
        assert outcomes(capi, cancelled) == {CANCELLED}


UNAVAILABLE = Reply(status=14, message="not now")
EXHAUSTED = Reply(status=8, message="too much")
FAILED = Outcome(None, 14, "not now", b"")
SENT_AGAIN = {2, 8, 10, 11, 13, 14, 15}
"""Unknown, ResourceExhausted, Aborted, OutOfRange, Internal, Unavailable, DataLoss."""


@dataclass(frozen=True)
class Retrying:
    """A connection whose calls are sent again after 20 ms."""

    api: CApi
    peer: StallingPeer
    client: Any

    def start(self, case: str, **kwargs: Any) -> Any:
        return make_call(self.api, self.client, case, **{"retry": True, **kwargs})

    def end(self, answer: Any, deadline: float = LATE) -> Outcome:
        return outcome(self.api, answer, deadline)

    def gaps(self, case: str) -> list[float]:
        """List the seconds between attempts."""
        times = [call.time for call in self.peer.asked(case)]
        return [later - earlier for earlier, later in pairwise(times)]


@contextmanager
def retrying(capi: CApi, trip: Journey, runtime: Any, **fields: Any) -> Iterator[Retrying]:
    """Connect; ``fields`` are those of ``TemporalCoreClientRetryOptions``."""
    options = trip.lender.struct(
        "TemporalCoreClientRetryOptions",
        **{
            "initial_interval_millis": 20,
            "multiplier": 1.0,
            "max_interval_millis": 20,
            "max_elapsed_time_millis": 1000,
            **fields,
        },
    )
    with connection(capi, runtime, trip.peer.target, retry_options=options) as client:
        yield Retrying(capi, trip.peer, client)


@pytest.fixture
def again(capi: CApi, plain: Journey, runtime: Any) -> Iterator[Retrying]:
    with retrying(capi, plain, runtime) as made:
        yield made


class TestRetry:
    """``retry``: which failures are retried, when, and for how long."""

    def test_codes_that_allow_it_are_sent_again(self, again: Retrying) -> None:
        codes = range(1, 17)
        for code in codes:
            again.peer.script(f"code-{code}", [Reply(status=code, message="once")])
        answers = {code: again.start(f"code-{code}") for code in codes}
        ended = {code: again.end(answer) for code, answer in answers.items()}
        assert ended == {
            code: SUCCESS if code in SENT_AGAIN else Outcome(None, code, "once", b"")
            for code in codes
        }
        attempts = {code: len(again.peer.asked(f"code-{code}")) for code in codes}
        assert attempts == {code: 2 if code in SENT_AGAIN else 1 for code in codes}

    @pytest.mark.parametrize(
        ("place", "then", "attempts"),
        [
            (Place.SETTINGS, Then.RESET, 2),
            (Place.SETTINGS, Then.CLOSE, 2),
            (Place.HEADERS, Then.RESET, 1),
            (Place.HEADERS, Then.CLOSE, 2),
            (Place.BODY, Then.RESET, 1),
            (Place.BODY, Then.CLOSE, 2),
            (Place.TRAILERS, Then.RESET, 1),
            (Place.TRAILERS, Then.CLOSE, 2),
        ],
    )
    def test_a_broken_answer_is_sent_again_as_core_does(
        self, again: Retrying, place: Place, then: Then, attempts: int
    ) -> None:
        """Core retries after a reset with CANCEL only if no headers have arrived."""
        again.peer.script("broken", [Reply(stop=place, then=then)])
        ended = again.end(again.start("broken", timeout_millis=SLOW))
        assert (ended == SUCCESS) == (attempts == 2)
        assert ended.status == 2 - attempts, "0, or Cancelled"
        assert len(again.peer.asked("broken")) == attempts

    def test_without_retry_a_failure_is_sent_once(self, again: Retrying) -> None:
        again.peer.script("once", [UNAVAILABLE])
        assert again.end(again.start("once", retry=False)) == FAILED
        assert len(again.peer.asked("once")) == 1

    def test_it_ends_with_the_longest_time_from_the_first_attempt(self, again: Retrying) -> None:
        again.peer.script("never", repeat(UNAVAILABLE))
        again.peer.script("exhausted", repeat(EXHAUSTED))
        started = time.monotonic()
        answers = [again.start(case) for case in ("never", "exhausted")]
        assert again.end(answers[0]) == FAILED
        assert time.monotonic() - started >= 0.9
        assert len(again.peer.asked("never")) > 10
        # Waits after ResourceExhausted are longer, and may be added to the maximum time.
        assert again.end(answers[1], deadline=1 + 12 + LATE) == Outcome(None, 8, "too much", b"")
        assert len(again.peer.asked("exhausted")) <= 3

    @pytest.mark.parametrize("elapsed", [0, 1000])
    def test_it_ends_with_the_most_attempts(
        self, capi: CApi, plain: Journey, runtime: Any, elapsed: int
    ) -> None:
        bounds = {"max_retries": 3, "max_elapsed_time_millis": elapsed}
        with retrying(capi, plain, runtime, **bounds) as again:
            again.peer.script("never", repeat(UNAVAILABLE))
            assert again.end(again.start("never")) == FAILED
        assert len(again.peer.asked("never")) == 3

    def test_without_both_bounds_only_the_token_ends_it(
        self, capi: CApi, plain: Journey, runtime: Any
    ) -> None:
        with (
            retrying(capi, plain, runtime, max_elapsed_time_millis=0) as again,
            cancellation_token(capi) as token,
        ):
            again.peer.script("never", repeat(UNAVAILABLE))
            answer = again.start("never", token=token)
            until(lambda: len(again.peer.asked("never")) >= 30, "thirtieth attempt")
            assert not answer.answered_again()
            capi.lib.temporal_core_cancellation_token_cancel(token)
            assert again.end(answer) == CANCELLED
            check_that_no_more_come(again.peer, "never")

    @pytest.mark.parametrize(
        ("options", "waits"),
        [
            pytest.param(
                {"initial_interval_millis": 40, "multiplier": 2.0, "max_interval_millis": 150},
                [0.04, 0.08, 0.15, 0.15],
                id="grow-to-the-longest",
            ),
            pytest.param(
                {"initial_interval_millis": 600, "multiplier": 2.0, "max_interval_millis": 60},
                [0.6, 0.06, 0.06],
                id="first-above-the-longest",
            ),
            pytest.param(
                {"initial_interval_millis": 200, "multiplier": 0.5, "max_interval_millis": 200},
                [0.2, 0.2, 0.2],
                id="longest-does-not-shrink",
            ),
            pytest.param(
                {"initial_interval_millis": 600, "multiplier": 0.1, "max_interval_millis": 700},
                [0.6, 0.06, 0.006],
                id="shrink",
            ),
        ],
    )
    def test_waits_between_attempts_are_as_core_has_them(
        self,
        capi: CApi,
        plain: Journey,
        runtime: Any,
        options: dict[str, Any],
        waits: list[float],
    ) -> None:
        options = {**options, "max_elapsed_time_millis": SLOW}
        with retrying(capi, plain, runtime, **options) as again:
            again.peer.script("waits", [UNAVAILABLE] * len(waits))
            assert again.end(again.start("waits")) == SUCCESS
        for gap, wait in zip(again.gaps("waits"), waits, strict=True):
            # The wait starts when the answer arrives, and the machine may be busy.
            assert wait - 0.003 <= gap < wait + 0.4

    def test_it_waits_longer_after_resource_exhausted(self, again: Retrying) -> None:
        again.peer.script("exhausted", [EXHAUSTED])
        again.peer.script("unavailable", [UNAVAILABLE])
        answers = [again.start(case) for case in ("exhausted", "unavailable")]
        assert {again.end(answer) for answer in answers} == {SUCCESS}
        assert again.gaps("exhausted")[0] >= 0.79, "a second, less a fifth"
        assert again.gaps("unavailable")[0] < again.gaps("exhausted")[0]

    def test_a_message_too_large_is_sent_once(self, again: Retrying) -> None:
        message = "grpc: received message larger than max (5 vs. 4)"
        again.peer.script("large", [Reply(status=8, message=message)])
        assert again.end(again.start("large")) == Outcome(None, 8, message, b"")
        assert len(again.peer.asked("large")) == 1

    def test_the_token_ends_a_wait(self, capi: CApi, again: Retrying) -> None:
        again.peer.script("exhausted", repeat(EXHAUSTED))
        with cancellation_token(capi) as token:
            answer = again.start("exhausted", token=token)
            until(lambda: again.peer.asked("exhausted"), "first attempt")
            capi.lib.temporal_core_cancellation_token_cancel(token)
            assert again.end(answer, deadline=0.7) == CANCELLED, "before the wait is over"

    @pytest.mark.parametrize("place", IN_AN_ANSWER, ids=lambda place: place.name)
    def test_an_attempt_that_times_out_is_the_last(
        self, capi: CApi, again: Retrying, place: Place
    ) -> None:
        again.peer.script("first", repeat(Reply(stop=place)))
        again.peer.script("second", [UNAVAILABLE, *repeat(Reply(stop=place), 5)])
        again.peer.script("cancelled", [UNAVAILABLE, *repeat(Reply(stop=place), 5)])
        with cancellation_token(capi) as token:
            answers = [again.start(case, timeout_millis=TIMEOUT) for case in ("first", "second")]
            cancelled = again.start("cancelled", timeout_millis=SLOW, token=token)
            assert outcomes(capi, answers) == {TIMED_OUT}
            until(lambda: len(again.peer.asked("cancelled")) == 2, "second attempt")
            capi.lib.temporal_core_cancellation_token_cancel(token)
            assert again.end(cancelled) == CANCELLED
        attempts = [len(again.peer.asked(case)) for case in ("first", "second", "cancelled")]
        assert attempts == [1, 2, 2]
        stalled = [again.peer.asked(case)[-1] for case in ("first", "second", "cancelled")]
        until(lambda: all(call.reset for call in stalled), "end of the streams")

    def test_each_attempt_has_the_whole_time(self, again: Retrying) -> None:
        slowly = Reply(status=14, message="not now", delay=0.6 * TIMEOUT / 1000)
        again.peer.script("slow", [slowly] * 3)
        assert again.end(again.start("slow", timeout_millis=TIMEOUT)) == SUCCESS
        headers = [call.headers["grpc-timeout"] for call in again.peer.asked("slow")]
        assert headers == [f"{TIMEOUT}000u"] * 4

    def test_calls_are_sent_again_on_a_connection_made_again(
        self, plain: Journey, again: Retrying
    ) -> None:
        plain.lose_connections()
        again.peer.script("second", [UNAVAILABLE])
        assert again.end(again.start("second")) == SUCCESS
        assert [call.connection for call in again.peer.asked("second")] == [2, 2]

    def test_request_and_headers_are_the_same_in_each_attempt(self, again: Retrying) -> None:
        again.peer.script("same", [UNAVAILABLE] * 3)
        metadata: list[bytes | str] = ["x-own\nvalue"]
        binary: list[bytes | str] = [b"x-own-bin\n\x00\xff"]
        answer = again.start("same", metadata=metadata, binary_metadata=binary)
        assert again.end(answer) == SUCCESS
        first, *others = (call.headers for call in again.peer.asked("same"))
        assert (first["x-own"], first["x-own-bin"]) == ("value", "AP8")
        assert others == [first] * 3


def check_that_no_more_come(peer: StallingPeer, case: str) -> None:
    """Check that attempts have ended: those on their way arrive, and then no more."""
    time.sleep(0.1)
    came = len(peer.asked(case))
    time.sleep(0.2)
    assert len(peer.asked(case)) == came


class TestMetrics:
    """How core's metrics count attempts."""

    @pytest.mark.parametrize("retry", [False, True], ids=["once", "retry"])
    def test_each_attempt_is_counted_with_its_failure(
        self, capi: CApi, plain: Journey, retry: bool
    ) -> None:
        """An attempt whose headers arrived counts as answered, whatever happens to the rest."""
        stalled = {"timeout_millis": TIMEOUT}
        cases: dict[str, tuple[list[Reply], dict[str, Any], dict[str, int]]] = {
            "ListNamespaces": ([], {}, {"request": 1}),
            "DescribeNamespace": ([Reply(status=5)], {}, {"request": 1, "NOT_FOUND": 1}),
            "CountWorkflowExecutions": (
                [UNAVAILABLE] * 3,
                {},
                {"request": 4, "UNAVAILABLE": 3} if retry else {"request": 1, "UNAVAILABLE": 1},
            ),
            "ListWorkflowExecutions": (
                [Reply(stop=Place.SETTINGS)],
                stalled,
                {"request": 1, "TRANSPORT_ERROR": 1},
            ),
            "ListTaskQueuePartitions": ([Reply(stop=Place.BODY)], stalled, {"request": 1}),
            "GetSearchAttributes": (
                [Reply(stop=Place.SETTINGS, then=Then.RESET)],
                {},
                {"request": 1 + retry, "TRANSPORT_ERROR": 1},
            ),
        }
        meter = CustomMeter(capi)
        lender = capi.lend()
        with (
            capi.runtime(runtime_options(capi, lender, custom_meter=meter.struct)) as runtime,
            retrying(capi, plain, runtime) as again,
        ):
            for rpc, (replies, _, _) in cases.items():
                again.peer.script(rpc, replies)
            answers = [
                again.start(rpc, rpc=rpc, retry=retry, **given)
                for rpc, (_, given, _) in cases.items()
            ]
            outcomes(capi, answers)
        counted: dict[str, Counter[str]] = {rpc: Counter() for rpc in cases}
        latencies: Counter[str] = Counter()
        for record in list(meter.records):
            tags = record.attributes or {}
            rpc = str(tags.get("operation"))
            if rpc not in cases:
                continue
            if record.name == "temporal_request":
                counted[rpc]["request"] += 1
            elif record.name == "temporal_request_failure":
                counted[rpc][str(tags["status_code"])] += 1
            elif record.name == "temporal_request_latency":
                latencies[rpc] += 1
        assert counted == {rpc: Counter(expected) for rpc, (_, _, expected) in cases.items()}
        assert latencies == {rpc: expected["request"] for rpc, (_, _, expected) in cases.items()}
