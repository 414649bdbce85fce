"""The beginnings of messages that consumers compare: one test for each row of messages.tsv."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.rpc import call, connect_answer, outcome, start_call
from tests.support.abi.worker import (
    KINDS,
    WorkerError,
    autoscaling,
    new_worker,
    resource_based,
    simple_maximum,
    worker,
    worker_options,
)

with Path(__file__).with_name("messages.tsv").open(encoding="utf-8", newline="") as _file:
    ROWS = [(row[0], row[1], row[2]) for row in csv.reader(_file, delimiter="\t")][1:]

Trigger = Callable[["Caller"], str]
TRIGGERS: dict[tuple[str, str], Trigger] = {}

INVALID_ARGUMENT = 3


def says(function: str, when: str) -> Callable[[Trigger], Trigger]:
    """Register what triggers a function's message, by columns of messages.tsv."""

    def register(trigger: Trigger) -> Trigger:
        TRIGGERS[function, when] = trigger
        return trigger

    return register


class Caller:
    """A runtime, a connection to an override, and functions that return failures."""

    def __init__(self, capi: CApi, runtime: Any, client: Any) -> None:
        self.capi, self.runtime, self.client = capi, runtime, client
        self.lender = capi.lend()

    def text(self, fail: Any) -> str:
        """Take a failure, which must exist."""
        message = self.capi.take_text(fail)
        assert message is not None
        return message

    def options(self, **fields: Any) -> Any:
        return worker_options(self.capi, self.lender, fields.pop("task_queue", "queue"), **fields)

    def refused(self, action: Callable[[], object]) -> str:
        with pytest.raises(WorkerError) as caught:
            action()
        return str(caught.value)

    def of_finalized(self, action: Callable[[Any], object]) -> str:
        """The failure of an action on a finalized worker."""
        with worker(self.capi, self.client, "queue") as made:
            made.shut_down_idle()
            return self.refused(lambda: action(made))

    def started_server(self, function: str, options: Any) -> tuple[Any, str | None]:
        """Start a server; return its handle or the failure."""
        answer = self.capi.start(
            "TemporalCoreEphemeralServerStartCallback",
            f"temporal_core_ephemeral_server_start_{function}",
            self.runtime,
            options,
        )
        success, target, fail = answer.wait()
        self.capi.take(target)
        return success, self.capi.take_text(fail)

    def server_options(self, existing_path: str) -> tuple[tuple[str, Any], ...]:
        """Options for each kind of server, by the end of the function's name."""
        common = self.lender.struct(
            "TemporalCoreTestServerOptions", existing_path=self.lender.bytes(existing_path)
        )
        return (
            ("test_server", common),
            ("dev_server", self.lender.struct("TemporalCoreDevServerOptions", test_server=common)),
        )


def respond(request: Request) -> Response:
    """Refuse to describe namespaces, and answer everything else with an empty message."""
    if request.rpc == "DescribeNamespace":
        return Response(status=INVALID_ARGUMENT, message="no")
    return Response()


def exactly(message: str, expected: str) -> str:
    """Check a message that consumers compare as a whole."""
    assert message == expected
    return message


@pytest.fixture
def caller(capi: CApi) -> Iterator[Caller]:
    override = Override(capi, respond)
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime, identity="somebody") as client,
    ):
        yield Caller(capi, runtime, client)


# --- runtime, connection, RPC ---

OPTION = "an option is wrong"


@says("temporal_core_runtime_new", OPTION)
def runtime_option(caller: Caller) -> str:
    options = caller.capi.new("TemporalCoreRuntimeOptions", worker_heartbeat_interval_millis=1)
    made = caller.capi.lib.temporal_core_runtime_new(options)
    message = caller.text(made.fail)
    caller.capi.lib.temporal_core_runtime_free(made.runtime)
    return message


@says("temporal_core_client_connect", OPTION)
def connect_option(caller: Caller) -> str:
    return caller.text(connect_answer(caller.capi, caller.runtime, "not a URL").wait()[1])


@says("temporal_core_client_connect", "no connection")
def no_connection(caller: Caller) -> str:
    answer = connect_answer(caller.capi, caller.runtime, "http://127.0.0.1:1")
    return caller.text(answer.wait()[1])


@says("temporal_core_client_rpc_call", "the token was cancelled")
def cancelled(caller: Caller) -> str:
    token = caller.capi.lib.temporal_core_cancellation_token_new()
    caller.capi.lib.temporal_core_cancellation_token_cancel(token)
    answer = start_call(caller.capi, caller.client, "GetSystemInfo", token=token)
    ended = outcome(caller.capi, answer)
    caller.capi.lib.temporal_core_cancellation_token_free(token)
    assert ended.message is not None
    return exactly(ended.message, "Cancelled")


@says("temporal_core_client_rpc_call", "no such call")
def unknown_call(caller: Caller) -> str:
    message = call(caller.capi, caller.client, "NAME").message
    assert message is not None
    return exactly(message, "Unknown RPC call NAME")


# --- worker ---


@says("temporal_core_worker_new", OPTION)
def worker_option(caller: Caller) -> str:
    return caller.refused(
        lambda: new_worker(caller.capi, caller.client, caller.options(task_queue=""))
    )


@says("temporal_core_worker_new", "it cannot start")
def second_worker(caller: Caller) -> str:
    with worker(caller.capi, caller.client, "queue"):
        return caller.refused(lambda: new_worker(caller.capi, caller.client, caller.options()))


@says("temporal_core_worker_new, _replayer_new", "both pollers of a kind are set")
def both_pollers(caller: Caller) -> str:
    pollers = {**simple_maximum(caller.lender, 2), **autoscaling(caller.lender, 1, 2, 1)}
    options = caller.options(workflow_task_poller_behavior=pollers)
    made = caller.refused(lambda: new_worker(caller.capi, caller.client, options))
    replayed = caller.capi.lib.temporal_core_worker_replayer_new(caller.runtime, options)
    assert caller.text(replayed.fail) == made
    return made


@says("temporal_core_worker_new", "resource-based suppliers differ")
def different_suppliers(caller: Caller) -> str:
    suppliers = {"workflow": resource_based(memory=0.5), "activity": resource_based(memory=0.6)}
    options = caller.options(suppliers=suppliers)
    return caller.refused(lambda: new_worker(caller.capi, caller.client, options))


@says("temporal_core_worker_validate", "the server refuses")
def refused_validation(caller: Caller) -> str:
    with worker(caller.capi, caller.client, "queue") as made:
        return caller.refused(made.validate)


@says("temporal_core_worker_replace_client", "refused")
def refused_replacement(caller: Caller) -> str:
    return caller.of_finalized(lambda made: made.replace_client(caller.client))


def failing_poll(kind: str) -> Trigger:
    return lambda caller: caller.of_finalized(lambda made: made.polled(made.poll(kind)))


def undecodable(kind: str) -> Trigger:
    def trigger(caller: Caller) -> str:
        with worker(caller.capi, caller.client, "queue") as made:
            return caller.refused(lambda: made.done(made.complete(kind, b"\xff\xff")))

    return trigger


def failing_completion(kind: str) -> Trigger:
    return lambda caller: caller.of_finalized(lambda made: made.done(made.complete(kind, b"")))


for _kind in KINDS:
    says(f"temporal_core_worker_poll_{_kind}", "fails")(failing_poll(_kind))
    says(f"temporal_core_worker_complete_{_kind}", "bytes do not decode")(undecodable(_kind))
    says(f"temporal_core_worker_complete_{_kind}", "fails")(failing_completion(_kind))


@says("temporal_core_worker_record_activity_heartbeat", "bytes do not decode")
def undecodable_heartbeat(caller: Caller) -> str:
    with worker(caller.capi, caller.client, "queue") as made:
        return caller.refused(lambda: made.heartbeat(b"\xff"))


# --- replay ---


@says("temporal_core_worker_replayer_new", OPTION)
def replayer_option(caller: Caller) -> str:
    options = caller.options(namespace_=b"\xff")
    return caller.text(
        caller.capi.lib.temporal_core_worker_replayer_new(caller.runtime, options).fail
    )


@says("temporal_core_worker_replay_push", "refused")
def refused_push(caller: Caller) -> str:
    lib = caller.capi.lib
    made = lib.temporal_core_worker_replayer_new(caller.runtime, caller.options())
    assert made.fail == caller.capi.NULL
    pushed = lib.temporal_core_worker_replay_push(
        made.worker,
        made.worker_replay_pusher,
        caller.lender.bytes("id"),
        caller.lender.bytes(b"\xff"),
    )
    message = caller.text(pushed.fail)
    lib.temporal_core_worker_replay_pusher_free(made.worker_replay_pusher)
    lib.temporal_core_worker_free(made.worker)
    return message


# --- servers ---

SERVERS = "temporal_core_ephemeral_server_start_dev_server, _test_server"


@says(SERVERS, OPTION)
def server_option(caller: Caller) -> str:
    messages = {
        caller.started_server(*server)[1] for server in caller.server_options("/no/such/file")
    }
    (message,) = messages
    assert message is not None
    return message


@says(SERVERS, "no server")
def no_server(caller: Caller) -> str:
    messages = [caller.started_server(*server)[1] for server in caller.server_options("/bin/false")]
    first, second = (re.sub(r"\d+\.\d+\.\d+\.\d+:\d+", "ADDRESS", str(text)) for text in messages)
    assert first == second
    return first


UNREACHED = {
    ("temporal_core_worker_replayer_new", "it cannot start"): "core has no way to fail there",
    (
        "temporal_core_ephemeral_server_shutdown",
        "fails",
    ): "needs a server: e2e/test_ephemeral_server.py",
}


def test_every_message_has_a_trigger() -> None:
    assert TRIGGERS.keys() | UNREACHED.keys() == {(function, when) for function, when, _ in ROWS}
    assert not TRIGGERS.keys() & UNREACHED.keys()


@pytest.mark.parametrize(
    ("function", "when", "beginning"),
    [row for row in ROWS if row[:2] not in UNREACHED],
    ids=lambda text: text.replace(" ", "-"),
)
def test_message_begins_as_consumers_expect(
    caller: Caller, function: str, when: str, beginning: str
) -> None:
    assert TRIGGERS[function, when](caller).startswith(beginning)
