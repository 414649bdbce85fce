"""Logs that wait on a completion queue until a thread of the host takes them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.abi.capi import CApi, Lender
from tests.support.abi.completion_queue import CompletionQueue, Event
from tests.support.abi.grpc_override import Override, Response, connection_to
from tests.support.abi.log_capture import LEVELS
from tests.support.abi.rpc import call

TAG = 0xFEDC_BA98_7654_3210


@pytest.fixture
def lender(capi: CApi) -> Lender:
    return capi.lend()


def options(lender: Lender, filter_text: str = "error") -> Any:
    """Runtime options with a log filter but no log callback."""
    logging = lender.struct("TemporalCoreLoggingOptions", filter=lender.bytes(filter_text))
    telemetry = lender.struct("TemporalCoreTelemetryOptions", logging=logging)
    return lender.struct("TemporalCoreRuntimeOptions", telemetry=telemetry)


@dataclass(frozen=True)
class Log:
    level: str
    target: str
    message: str
    fields: dict[str, Any]
    timestamp_millis: int


def read(event: Event) -> Log:
    """Read a log by its accessors, and free the event."""
    lib, text = event.api.lib, event.api.text
    log = event.struct.log
    found = Log(
        level=LEVELS[event.struct.log_level],
        target=text(lib.temporal_core_forwarded_log_target(log)),
        message=text(lib.temporal_core_forwarded_log_message(log)),
        fields=json.loads(text(lib.temporal_core_forwarded_log_fields_json(log))),
        timestamp_millis=lib.temporal_core_forwarded_log_timestamp_millis(log),
    )
    event.free()
    return found


def make_log(capi: CApi, client: Any, number: int) -> None:
    """Log an error with this number on the current thread."""
    lender = capi.lend()
    metadata = lender.array([f"no name {number}\nvalue"])
    capi.lib.temporal_core_client_update_metadata(client, metadata)


def number_of(log: Log) -> int:
    """The number that `make_log` logged."""
    found = re.search(r"'no name (\d+)'", log.message)
    assert found is not None, log
    return int(found[1])


def waiting(queue: CompletionQueue) -> Iterator[Event]:
    """Take all waiting events."""
    while (event := queue.try_next()) is not None:
        yield event


def on_another_thread(action: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(action()))
    thread.start()
    thread.join(60)
    (result,) = results
    return result


def test_a_log_is_read_on_another_thread_and_after_its_runtime(
    capi: CApi, queue: CompletionQueue, lender: Lender
) -> None:
    before = time.time() * 1000
    with (
        capi.runtime(options(lender), log_queue=queue.handle, log_tag=TAG) as runtime,
        connection_to(Override(capi), runtime) as client,
    ):
        make_log(capi, client, 5)
    event = on_another_thread(lambda: queue.take("Log"))
    assert event.tag == TAG
    assert event.fields == {"log", "log_level"}
    log = on_another_thread(lambda: read(event))
    assert (log.level, log.target, log.fields) == ("Error", "temporal_static_libs", {})
    assert log.message.startswith("temporal_core_client_update_metadata: ")
    assert number_of(log) == 5
    assert before - 1 <= log.timestamp_millis <= time.time() * 1000 + 1
    assert queue.try_next() is None


def test_logs_of_each_level_and_of_the_library_s_threads_come_with_their_fields(
    capi: CApi, queue: CompletionQueue, lender: Lender
) -> None:
    answers = [Response(), Response(status=14, message="not now"), Response()]
    override = Override(capi, lambda _request: answers.pop(0))
    # It is ignored with a warning.
    dns = capi.new("TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=1000)
    with (
        capi.runtime(options(lender, "trace"), log_queue=queue.handle) as runtime,
        connection_to(override, runtime, dns_load_balancing_options=dns) as client,
    ):
        assert call(capi, client, "CountWorkflowExecutions", retry=True).success is not None
        make_log(capi, client, 0)
    logs = [read(event) for event in waiting(queue)]
    assert {"Debug", "Warn", "Error"} <= {log.level for log in logs}
    (log,) = [log for log in logs if "failed on first attempt" in log.message]
    assert (log.level, log.target) == ("Debug", "temporalio_client::retry")
    assert "not now" in log.fields["error"]


def test_the_filter_drops_lower_levels(capi: CApi, queue: CompletionQueue, lender: Lender) -> None:
    with (
        capi.runtime(options(lender, "off"), log_queue=queue.handle) as runtime,
        connection_to(Override(capi), runtime) as client,
    ):
        make_log(capi, client, 0)
    assert queue.try_next() is None


def test_results_and_logs_share_a_queue(capi: CApi, queue: CompletionQueue, lender: Lender) -> None:
    with (
        capi.runtime(options(lender, "trace"), log_queue=queue.handle, log_tag=TAG) as runtime,
        connection_to(Override(capi), runtime) as client,
    ):
        for tag in range(100):
            queue.start_call(client, "GetSystemInfo", tag)
        tags: list[int] = []
        while len(tags) < 100:
            event = queue.next()
            assert event is not None
            if event.kind == "ClientRpcCall":
                tags.append(event.tag)
            else:
                assert (event.kind, event.tag) == ("Log", TAG)
            event.free()
    assert sorted(tags) == list(range(100))


def test_two_runtimes_share_a_queue(capi: CApi, queue: CompletionQueue, lender: Lender) -> None:
    with (
        capi.runtime(options(lender), log_queue=queue.handle, log_tag=1) as one,
        capi.runtime(options(lender), log_queue=queue.handle, log_tag=2) as two,
        connection_to(Override(capi), one) as first,
        connection_to(Override(capi), two) as second,
    ):
        for number in (11, 12):
            make_log(capi, first, number)
            make_log(capi, second, number + 10)
    found = [(event.tag, number_of(read(event))) for event in waiting(queue)]
    assert found == [(1, 11), (2, 21), (1, 12), (2, 22)]


class TestTooManyLogs:
    def test_the_newest_are_dropped_and_one_event_has_their_number(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        more = {"log_queue": queue.handle, "log_tag": TAG, "max_waiting_logs": 10}
        with (
            capi.runtime(options(lender), **more) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            for number in range(25):
                make_log(capi, client, number)
            logs = [number_of(read(queue.take("Log"))) for _ in range(10)]
            assert logs == list(range(10))
            dropped = queue.take("LogsDropped")
            assert dropped.tag == TAG
            assert dropped.fields == {"count"}
            assert dropped.struct.count == 15
            assert queue.try_next() is None

            # Each drop is reported once.
            for number in range(10):
                make_log(capi, client, number)
            kinds = [event.kind for event in waiting(queue)]
            assert kinds == ["Log"] * 10

    def test_taking_logs_makes_room_for_as_many(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        with (
            capi.runtime(options(lender), log_queue=queue.handle, max_waiting_logs=2) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            for number in range(4):
                make_log(capi, client, number)
            assert number_of(read(queue.take("Log"))) == 0
            for number in range(4, 6):
                make_log(capi, client, number)
            assert number_of(read(queue.take("Log"))) == 1
            # It counts all logs dropped until it is taken.
            assert queue.take("LogsDropped").struct.count == 3
            assert number_of(read(queue.take("Log"))) == 4
            assert queue.try_next() is None

    def test_runtimes_share_the_limit_of_their_queue(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        more = {"log_queue": queue.handle, "max_waiting_logs": 2}
        with (
            capi.runtime(options(lender), **more) as one,
            capi.runtime(options(lender), **more) as two,
            connection_to(Override(capi), one) as first,
            connection_to(Override(capi), two) as second,
        ):
            for client, logs in ((first, 2), (second, 3), (first, 4)):
                for number in range(logs):
                    make_log(capi, client, number)
        events = list(waiting(queue))
        assert [event.kind for event in events] == ["Log", "Log", "LogsDropped"]
        assert events[-1].struct.count == 7

    def test_results_are_never_dropped(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        with (
            capi.runtime(options(lender), log_queue=queue.handle, max_waiting_logs=1) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            for number in range(3):
                make_log(capi, client, number)
            for number in range(3):
                queue.put(number)
            for number in range(3):
                make_log(capi, client, number)
        events = list(waiting(queue))
        kinds = [event.kind for event in events]
        assert kinds == ["Log", "LogsDropped", "Worker", "Worker", "Worker"]
        assert events[1].struct.count == 5

    def test_default_limit_is_ten_thousand(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        with (
            capi.runtime(options(lender), log_queue=queue.handle) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            for number in range(10_003):
                make_log(capi, client, number)
        events = list(waiting(queue))
        assert [event.kind for event in events] == ["Log"] * 10_000 + ["LogsDropped"]
        assert events[-1].struct.count == 3
        for event in events:
            event.free()

    def test_every_log_is_either_delivered_or_counted_as_dropped(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        threads, logs_a_thread = 4, 300
        with (
            capi.runtime(options(lender), log_queue=queue.handle, max_waiting_logs=5) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):

            def log() -> None:
                for number in range(logs_a_thread):
                    make_log(capi, client, number)

            loggers = [threading.Thread(target=log) for _ in range(threads)]
            for thread in loggers:
                thread.start()
            found = 0
            while found < threads * logs_a_thread:
                event = queue.next()
                assert event is not None, f"{found} are accounted for"
                found += event.struct.count if event.kind == "LogsDropped" else 1
                event.free()
            for thread in loggers:
                thread.join()
        assert found == threads * logs_a_thread
        assert queue.try_next() is None


class TestEnds:
    def test_none_comes_after_the_runtime_is_freed(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        with capi.runtime(options(lender), log_queue=queue.handle) as runtime:
            client = queue.connect(runtime, "http://h", **Override(capi).fields)
            make_log(capi, client, 1)
        make_log(capi, client, 2)
        capi.lib.temporal_core_client_free(client)
        assert [number_of(read(event)) for event in waiting(queue)] == [1]

    def test_none_comes_from_a_failed_runtime(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        failing = options(lender, "trace")
        failing.worker_heartbeat_interval_millis = 1
        more = capi.sized("TemporalStaticLibsRuntimeOptions", log_queue=queue.handle)
        made = capi.lib.temporal_static_libs_runtime_new(failing, more)
        assert capi.take(made.fail)
        capi.lib.temporal_core_runtime_free(made.runtime)
        assert queue.try_next() is None

    def test_the_queue_may_be_freed_first(self, capi: CApi, lender: Lender) -> None:
        queue = CompletionQueue(capi)
        more = {"log_queue": queue.handle, "max_waiting_logs": 2}
        with (
            capi.runtime(options(lender, "trace"), **more) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            for number in range(5):
                make_log(capi, client, number)
            queue.free()
            make_log(capi, client, 5)
            assert call(capi, client, "GetSystemInfo").success == b""

    def test_freeing_the_log_event_twice_frees_it_once(
        self, capi: CApi, queue: CompletionQueue, lender: Lender
    ) -> None:
        with (
            capi.runtime(options(lender), log_queue=queue.handle) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            make_log(capi, client, 1)
        event = queue.take("Log")
        event.free()
        assert event.fields == {"log_level"}
        event.free()
        assert event.fields == {"log_level"}


class TestRefusals:
    """Refusals of a single option are rows of options.tsv."""

    def failure(self, capi: CApi, given: Any, **extra: Any) -> str:
        more = capi.sized("TemporalStaticLibsRuntimeOptions", **extra)
        made = capi.lib.temporal_static_libs_runtime_new(given, more)
        assert made.runtime != capi.NULL
        assert made.fail != capi.NULL
        message = bytes(capi.ffi.buffer(made.fail.data, made.fail.size)).decode()
        capi.lib.temporal_core_byte_array_free(made.runtime, made.fail)
        capi.lib.temporal_core_runtime_free(made.runtime)
        return message

    def test_a_queue_needs_a_filter(self, capi: CApi, queue: CompletionQueue) -> None:
        for telemetry in (capi.NULL, capi.new("TemporalCoreTelemetryOptions")):
            without = capi.new("TemporalCoreRuntimeOptions", telemetry=telemetry)
            message = self.failure(capi, without, log_queue=queue.handle)
            assert message == (
                "Invalid options: extra.log_queue requires telemetry.logging, whose filter "
                "selects the logs for it"
            )

    def test_null_options_are_a_failure(self, capi: CApi) -> None:
        assert self.failure(capi, capi.NULL) == "Invalid options: options is NULL"

    def test_without_extra_options_it_works_like_the_other_export(self, capi: CApi) -> None:
        zeros = capi.new("TemporalCoreRuntimeOptions")
        made = capi.lib.temporal_static_libs_runtime_new(zeros, capi.NULL)
        assert made.fail == capi.NULL
        with connection_to(Override(capi), made.runtime) as client:
            assert call(capi, client, "GetSystemInfo").success == b""
        capi.lib.temporal_core_runtime_free(made.runtime)
