"""Logs forwarded to the caller: each runtime has its own callback, called only during its life."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.support.abi.capi import CApi, Lender
from tests.support.abi.grpc_override import Override, Response
from tests.support.abi.rpc import call, connect_answer, connection

WARNING = "dns_load_balancing_options is ignored"
"""Logged by a connect that has both a gRPC override and DNS load balancing."""


@dataclass(frozen=True)
class Log:
    level: int
    target: str
    message: str
    fields: dict[str, Any]
    timestamp_millis: int


class Logs:
    """Collects what a runtime forwards."""

    def __init__(self, capi: CApi) -> None:
        self.capi = capi
        self.received: list[Log] = []
        self.inside: Any = None
        self.callback = capi.ffi.callback("TemporalCoreForwardedLogCallback", self._receive)

    def _receive(self, level: int, log: Any) -> None:
        lib, text = self.capi.lib, self.capi.text
        fields_json = lib.temporal_core_forwarded_log_fields_json(log)
        assert lib.temporal_core_forwarded_log_fields_json(log).data == fields_json.data
        self.received.append(
            Log(
                level=int(level),
                target=text(lib.temporal_core_forwarded_log_target(log)),
                message=text(lib.temporal_core_forwarded_log_message(log)),
                fields=json.loads(text(fields_json)),
                timestamp_millis=lib.temporal_core_forwarded_log_timestamp_millis(log),
            )
        )
        if self.inside is not None:
            self.inside()

    def options(self, lender: Lender, filter_text: str = "warn") -> Any:
        """Runtime options that forward to this collector."""
        logging = lender.struct(
            "TemporalCoreLoggingOptions",
            filter=lender.bytes(filter_text),
            forward_to=self.callback,
        )
        telemetry = lender.struct("TemporalCoreTelemetryOptions", logging=logging)
        return lender.struct("TemporalCoreRuntimeOptions", telemetry=telemetry)

    def warnings(self) -> list[Log]:
        return [log for log in self.received if WARNING in log.message]


def make_warning(capi: CApi, runtime: Any, override: Override) -> None:
    """Connect so that the library warns, on this thread."""
    dns = capi.new("TemporalCoreClientDnsLoadBalancingOptions", resolution_interval_millis=1000)
    client, _ = connect_answer(
        capi,
        runtime,
        "http://override.invalid",
        dns_load_balancing_options=dns,
        **override.fields,
    ).wait()
    capi.lib.temporal_core_client_free(client)


def test_a_log_carries_level_target_message_fields_and_time(capi: CApi) -> None:
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    before = time.time() * 1000
    with capi.runtime(logs.options(lender)) as runtime:
        make_warning(capi, runtime, override)
    (log,) = logs.warnings()
    assert log.level == capi.lib.TemporalCoreForwardedLogLevel_Warn
    assert log.target == "temporal_static_libs"
    assert log.fields == {}
    assert before - 1 <= log.timestamp_millis <= time.time() * 1000 + 1


def test_fields_come_as_json(capi: CApi) -> None:
    answers = [Response(), Response(status=14, message="not now"), Response()]
    logs, lender = Logs(capi), capi.lend()
    override = Override(capi, lambda _request: answers.pop(0))
    with (
        capi.runtime(logs.options(lender, "temporalio_client=debug")) as runtime,
        connection(capi, runtime, "http://h", **override.fields) as client,
    ):
        assert call(capi, client, "CountWorkflowExecutions", retry=True).success is not None
    (log,) = [log for log in logs.received if "failed on first attempt" in log.message]
    assert log.level == capi.lib.TemporalCoreForwardedLogLevel_Debug
    assert "not now" in log.fields["error"]


def test_calls_inside_a_log_callback_work(capi: CApi) -> None:
    """For example if a binding closes everything after a certain log."""
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    answers: list[Any] = []
    with capi.runtime(logs.options(lender)) as runtime:
        logs.inside = lambda: answers.append(connect_answer(capi, runtime, "not a URL"))
        make_warning(capi, runtime, override)
        messages = [capi.take_text(answer.wait()[1]) for answer in answers]
    assert messages
    for message in messages:
        assert message is not None
        assert message.startswith("Invalid options: target_url `not a URL` is malformed")


def test_the_filter_drops_lower_levels(capi: CApi) -> None:
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    with capi.runtime(logs.options(lender, "error")) as runtime:
        make_warning(capi, runtime, override)
    assert logs.received == []


def test_each_runtime_forwards_to_its_own_callback_on_any_thread(capi: CApi) -> None:
    lender, override = capi.lend(), Override(capi)
    first, second = Logs(capi), Logs(capi)
    with (
        capi.runtime(first.options(lender)) as one,
        capi.runtime(second.options(lender)) as two,
    ):
        make_warning(capi, one, override)
        threads = [
            threading.Thread(target=make_warning, args=(capi, two, override)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        make_warning(capi, one, override)
    assert len(first.warnings()) == 2
    assert len(second.warnings()) == 2


def test_freeing_one_runtime_does_not_affect_the_others_logs(capi: CApi) -> None:
    lender, override = capi.lend(), Override(capi)
    first, second = Logs(capi), Logs(capi)
    with capi.runtime(first.options(lender)) as one:
        with capi.runtime(second.options(lender)) as two:
            make_warning(capi, two, override)
        make_warning(capi, one, override)
    assert len(first.warnings()) == len(second.warnings()) == 1


def test_a_failed_call_does_not_silence_the_runtime(capi: CApi) -> None:
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    with capi.runtime(logs.options(lender)) as runtime:
        _, fail = connect_answer(capi, runtime, "http://127.0.0.1:1").wait()
        assert capi.take(fail)
        make_warning(capi, runtime, override)
    assert len(logs.warnings()) == 1


def test_no_log_comes_after_the_runtime_is_freed(capi: CApi) -> None:
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    made = capi.lib.temporal_core_runtime_new(logs.options(lender, "trace"))
    client, _ = connect_answer(capi, made.runtime, "http://h", **override.fields).wait()
    make_warning(capi, made.runtime, override)
    capi.lib.temporal_core_runtime_free(made.runtime)
    received = len(logs.received)
    assert received > 0
    # The connection still exists and would log, because an invalid update logs an error.
    capi.lib.temporal_core_client_update_metadata(client, {"data": capi.NULL, "size": 5})
    capi.lib.temporal_core_client_free(client)
    time.sleep(0.2)
    assert len(logs.received) == received


def test_no_log_comes_from_a_runtime_that_failed_to_start(capi: CApi) -> None:
    logs, lender = Logs(capi), capi.lend()
    options = logs.options(lender, "trace")
    options.worker_heartbeat_interval_millis = 1
    made = capi.lib.temporal_core_runtime_new(options)
    assert capi.take(made.fail)
    capi.lib.temporal_core_runtime_free(made.runtime)
    assert logs.received == []


def test_freeing_the_runtime_inside_a_log_callback_neither_blocks_nor_crashes(capi: CApi) -> None:
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    made = capi.lib.temporal_core_runtime_new(logs.options(lender))
    freed = threading.Event()

    def free_once() -> None:
        if not freed.is_set():
            freed.set()
            capi.lib.temporal_core_runtime_free(made.runtime)

    logs.inside = free_once
    make_warning(capi, made.runtime, override)
    assert freed.is_set()
    assert len(logs.warnings()) == 1


def test_accessors_of_null_give_nothing(capi: CApi) -> None:
    lib = capi.lib
    for accessor in ("target", "message", "fields_json"):
        ref = getattr(lib, f"temporal_core_forwarded_log_{accessor}")(capi.NULL)
        assert ref.size == 0
    assert lib.temporal_core_forwarded_log_timestamp_millis(capi.NULL) == 0


def test_errors_that_no_call_can_report_are_logged(capi: CApi) -> None:
    logs, lender, override = Logs(capi), capi.lend(), Override(capi)
    with capi.runtime(logs.options(lender)) as runtime:
        client, _ = connect_answer(capi, runtime, "http://h", **override.fields).wait()
        capi.lib.temporal_core_client_update_metadata(client, {"data": capi.NULL, "size": 5})
        capi.lib.temporal_core_client_free(client)
    (log,) = [log for log in logs.received if "update_metadata" in log.message]
    assert log.level == capi.lib.TemporalCoreForwardedLogLevel_Error
    assert "size 5 but its data is NULL" in log.message
