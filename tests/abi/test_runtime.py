"""Runtimes: options, failures, and handles freed in every order."""

from __future__ import annotations

import os
import threading

import pytest

from tests.support.abi.capi import Answer, CApi
from tests.support.abi.grpc_override import Override, connection_to
from tests.support.abi.rpc import ConnectError, connect_answer, connection, outcome, start_call
from tests.support.programs.process_status import threads
from tests.support.programs.waiting import until


def failure(capi: CApi, options: object) -> str:
    """Make a runtime that must fail, free it as documented, and return the message."""
    made = capi.lib.temporal_core_runtime_new(options)
    assert made.runtime != capi.NULL, "a failure must also have a runtime"
    assert made.fail != capi.NULL
    message = bytes(capi.ffi.buffer(made.fail.data, made.fail.size)).decode()
    capi.lib.temporal_core_byte_array_free(made.runtime, made.fail)
    capi.lib.temporal_core_runtime_free(made.runtime)
    return message


def test_all_zero_options_make_a_runtime(capi: CApi) -> None:
    with capi.runtime() as runtime:
        assert runtime != capi.NULL


def test_null_options_are_a_failure(capi: CApi) -> None:
    assert failure(capi, capi.NULL) == "Invalid options: options is NULL"


@pytest.mark.parametrize("millis", [1, 999, 60_001, 2**64 - 1])
def test_heartbeat_interval_out_of_range_is_a_failure(capi: CApi, millis: int) -> None:
    options = capi.new("TemporalCoreRuntimeOptions", worker_heartbeat_interval_millis=millis)
    assert str(millis) in failure(capi, options)


@pytest.mark.parametrize("millis", [0, 1_000, 60_000])
def test_heartbeat_interval_in_range_is_accepted(capi: CApi, millis: int) -> None:
    options = capi.new("TemporalCoreRuntimeOptions", worker_heartbeat_interval_millis=millis)
    with capi.runtime(options):
        pass


def test_language_runtimes_are_accepted(capi: CApi) -> None:
    lender = capi.lend()
    info = capi.ffi.new("TemporalCoreRuntimeInfo[2]")
    info[0].runtime_type = capi.lib.TemporalCoreRuntimeType_Bun
    info[0].version = lender.bytes("1.3.0")
    info[1].runtime_type = capi.lib.TemporalCoreRuntimeType_Roadrunner
    options = capi.new("TemporalCoreRuntimeOptions", runtime_info={"data": info, "size": 2})
    with capi.runtime(options):
        pass


def test_unknown_language_runtime_is_a_failure(capi: CApi) -> None:
    info = capi.ffi.new("TemporalCoreRuntimeInfo[1]")
    capi.ffi.cast("uint32_t *", capi.ffi.addressof(info[0], "runtime_type"))[0] = 11
    options = capi.new("TemporalCoreRuntimeOptions", runtime_info={"data": info, "size": 1})
    message = failure(capi, options)
    assert "runtime_info.runtime_type has the invalid value 11" in message
    assert message.endswith(capi.interface_note)


def test_impossible_size_is_a_failure_that_suggests_checking_the_declarations(capi: CApi) -> None:
    info = capi.ffi.new("TemporalCoreRuntimeInfo[1]")
    size = 2**63
    options = capi.new("TemporalCoreRuntimeOptions", runtime_info={"data": info, "size": size})
    message = failure(capi, options)
    assert message.endswith(f"runtime_info has an impossible size: {size}{capi.interface_note}")


def test_call_on_a_failed_runtime_reports_why_it_failed(capi: CApi) -> None:
    options = capi.new("TemporalCoreRuntimeOptions", worker_heartbeat_interval_millis=1)
    made = capi.lib.temporal_core_runtime_new(options)
    reason = capi.take_text(made.fail)
    try:
        with pytest.raises(ConnectError) as refused, connection(capi, made.runtime, "http://any"):
            pass
    finally:
        capi.lib.temporal_core_runtime_free(made.runtime)
    failed = "runtime comes from a failed temporal_core_runtime_new"
    assert str(refused.value) == f"Invalid options: {failed} ({reason})"


def test_sized_range_without_data_is_a_failure(capi: CApi) -> None:
    options = capi.new("TemporalCoreRuntimeOptions", runtime_info={"data": capi.NULL, "size": 5})
    assert "size 5 but its data is NULL" in failure(capi, options)


@pytest.mark.parametrize(
    ("filter_text", "reason"),
    [
        pytest.param(b"a=b=c=d", "is malformed", id="filter"),
        pytest.param(b"\xff\xfe", "is not UTF-8", id="utf-8"),
    ],
)
def test_bad_logging_options_are_a_failure(capi: CApi, filter_text: bytes, reason: str) -> None:
    lender = capi.lend()
    logging = lender.struct("TemporalCoreLoggingOptions", filter=lender.bytes(filter_text))
    telemetry = lender.struct("TemporalCoreTelemetryOptions", logging=logging)
    options = lender.struct("TemporalCoreRuntimeOptions", telemetry=telemetry)
    assert reason in failure(capi, options)


def test_freeing_null_is_a_no_op(capi: CApi) -> None:
    for function in (
        "temporal_core_runtime_free",
        "temporal_core_client_free",
        "temporal_core_cancellation_token_free",
        "temporal_core_cancellation_token_cancel",
    ):
        getattr(capi.lib, function)(capi.NULL)
    capi.lib.temporal_core_byte_array_free(capi.NULL, capi.NULL)


def test_byte_array_marked_not_to_be_freed_is_left_alone(capi: CApi) -> None:
    data = capi.ffi.new("uint8_t[]", b"static")
    array = capi.new("TemporalCoreByteArray", data=data, size=6, disable_free=True)
    capi.lib.temporal_core_byte_array_free(capi.NULL, array)
    assert bytes(data)[:6] == b"static"


def test_runtimes_come_and_go_on_many_threads(capi: CApi) -> None:
    def cycle() -> None:
        for _ in range(3):
            with capi.runtime():
                pass

    threads = [threading.Thread(target=cycle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.mark.parametrize("runtime_first", [True, False])
def test_runtime_and_connection_are_freed_in_any_order(capi: CApi, runtime_first: bool) -> None:
    override = Override(capi)
    made = capi.lib.temporal_core_runtime_new(capi.new("TemporalCoreRuntimeOptions"))
    client, fail = connect_answer(
        capi, made.runtime, "http://override.invalid", **override.fields
    ).wait()
    assert fail == capi.NULL
    frees = [
        lambda: capi.lib.temporal_core_runtime_free(made.runtime),
        lambda: capi.lib.temporal_core_client_free(client),
    ]
    for free in frees if runtime_first else reversed(frees):
        free()


def test_last_handles_are_freed_inside_the_callback(capi: CApi) -> None:
    override = Override(capi)
    made = capi.lib.temporal_core_runtime_new(capi.new("TemporalCoreRuntimeOptions"))

    def free_everything(client: object, _fail: object) -> None:
        capi.lib.temporal_core_client_free(client)
        capi.lib.temporal_core_runtime_free(made.runtime)

    lender = capi.lend()
    answer = Answer(capi, "TemporalCoreClientConnectCallback")
    answer.inside = free_everything
    options = lender.struct(
        "TemporalCoreConnectionOptions",
        target_url=lender.bytes("http://override.invalid"),
        **override.fields,
    )
    capi.lib.temporal_core_client_connect(made.runtime, options, answer.user_data, answer.callback)
    answer.wait()
    assert answer.thread != threading.get_ident()


class NewThreads:
    """The threads that start after it is created."""

    def __init__(self) -> None:
        self._before = set(threads(os.getpid()))

    @property
    def names(self) -> list[str]:
        """Their names. A thread sets its own name shortly after it starts."""
        found = threads(os.getpid())
        return [name for number, (name, _) in found.items() if number not in self._before]


@pytest.mark.parametrize("variable", [None, "2"])
@pytest.mark.parametrize("wanted", [1, 3])
def test_calls_run_on_the_configured_number_of_threads(
    capi: CApi, monkeypatch: pytest.MonkeyPatch, wanted: int, variable: str | None
) -> None:
    """The environment variable has no effect. One more thread is for blocking work."""
    if variable is not None:
        monkeypatch.setenv("TOKIO_WORKER_THREADS", variable)
    new = NewThreads()
    with capi.runtime(threads=wanted) as runtime:
        until(lambda: new.names == ["temporal-core"] * (wanted + 1), "name of each thread")
        with connection_to(Override(capi), runtime) as client:
            answers = [start_call(capi, client, "GetSystemInfo") for _ in range(300)]
            assert {outcome(capi, answer).success for answer in answers} == {b""}
        assert 1 <= len({answer.thread for answer in answers}) <= wanted
    until(lambda: new.names == [], "end of the threads")


def test_zero_threads_means_the_number_in_the_environment(
    capi: CApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKIO_WORKER_THREADS", "4")
    new = NewThreads()
    with capi.runtime(threads=0, log_tag=1):
        until(lambda: new.names == ["temporal-core"] * (4 + 1), "name of each thread")
    until(lambda: new.names == [], "end of the threads")
