"""RPC calls through a gRPC override: names, requests, headers, retries, cancellation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.api.cloud.cloudservice.v1 import service_pb2 as cloud
from temporalio.api.operatorservice.v1 import service_pb2 as operator
from temporalio.api.testservice.v1 import service_pb2 as testing
from temporalio.api.workflowservice.v1 import request_response_pb2 as messages
from temporalio.api.workflowservice.v1 import service_pb2 as workflow
from temporalio.bridge.proto.health.v1 import health_pb2 as health

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.rpc import SERVICES, call, connect_answer, outcome, start_call
from tests.support.programs.waiting import until


class Server:
    """The override's answers after the connect."""

    def __init__(self) -> None:
        self.response = Response()
        self.delay = threading.Event()
        self.delay.set()

    def respond(self, request: Request) -> Response:
        if request.rpc == "GetSystemInfo":
            return Response()
        self.delay.wait(30)
        return self.response


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.delay.set()


@pytest.fixture
def override(capi: CApi, server: Server) -> Override:
    return Override(capi, server.respond)


@pytest.fixture
def client(capi: CApi, override: Override) -> Iterator[Any]:
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as made,
    ):
        yield made


def rpcs() -> Iterator[Any]:
    """Every RPC of the five services, from the official client's service descriptors."""
    definitions = (workflow, operator, cloud, testing, health)
    for (service, full_name), definition in zip(SERVICES.items(), definitions, strict=True):
        (descriptor,) = definition.DESCRIPTOR.services_by_name.values()
        for method in descriptor.methods:
            yield pytest.param(service, full_name, method.name, id=f"{service}.{method.name}")


@pytest.mark.parametrize(("service", "full_name", "rpc"), list(rpcs()))
def test_every_rpc_of_the_service_definitions_is_reachable(
    capi: CApi, client: Any, override: Override, service: str, full_name: str, rpc: str
) -> None:
    ended = call(capi, client, rpc, service=service)
    if (service, rpc) == ("Health", "Watch"):
        assert ended.status == 0
        assert ended.message is not None
        assert "Watch is a streaming RPC" in ended.message
        return
    assert ended.success is not None, ended.message
    assert (override.requests[-1].service, override.requests[-1].rpc) == (full_name, rpc)


def test_the_response_comes_back_as_protobuf(capi: CApi, client: Any, server: Server) -> None:
    sent = messages.CountWorkflowExecutionsResponse(count=7)
    server.response = Response(proto=sent.SerializeToString())
    ended = call(capi, client, "CountWorkflowExecutions")
    assert ended.success is not None
    assert messages.CountWorkflowExecutionsResponse.FromString(ended.success) == sent


def test_the_request_goes_out_as_protobuf(capi: CApi, client: Any, override: Override) -> None:
    sent = messages.CountWorkflowExecutionsRequest(namespace="ns", query="x = 1")
    call(capi, client, "CountWorkflowExecutions", sent.SerializeToString())
    received = messages.CountWorkflowExecutionsRequest.FromString(override.requests[-1].proto)
    assert received == sent


@pytest.mark.parametrize("name", ["Nope", "start_workflow_execution", "", "Nope\nNope"])
def test_unknown_rpc(capi: CApi, client: Any, name: str) -> None:
    ended = call(capi, client, name)
    assert (ended.status, ended.message) == (0, f"Unknown RPC call {name}")


@pytest.mark.parametrize("service", [0, 6, 2**32 - 1])
def test_unknown_service(capi: CApi, client: Any, service: int) -> None:
    ended = call(capi, client, "GetSystemInfo", service=service)
    assert (ended.status, ended.message) == (
        0,
        f"service has the invalid value {service}{capi.interface_note}",
    )


def test_undecodable_request_is_refused_on_the_calling_thread(capi: CApi, client: Any) -> None:
    answer = start_call(capi, client, "CountWorkflowExecutions", b"\xff\xff\xff")
    assert answer.thread == threading.get_ident()
    ended = outcome(capi, answer)
    assert ended.status == 0
    assert ended.message is not None
    assert "decode failure" in ended.message


def test_rpc_name_that_is_not_utf8(capi: CApi, client: Any) -> None:
    ended = call(capi, client, b"\xff")
    assert ended.message is not None
    assert ended.message.startswith("rpc is not UTF-8")


@pytest.mark.parametrize("field", ["rpc", "req", "metadata", "binary_metadata"])
def test_sized_range_without_data(capi: CApi, client: Any, field: str) -> None:
    lender = capi.lend()
    options = lender.struct(
        "TemporalCoreRpcCallOptions",
        service=capi.lib.TemporalCoreRpcService_Workflow,
        rpc=lender.bytes("GetSystemInfo"),
    )
    setattr(options, field, {"data": capi.NULL, "size": 5})
    answer = capi.start(
        "TemporalCoreClientRpcCallCallback", "temporal_core_client_rpc_call", client, options
    )
    assert outcome(capi, answer).message == f"{field} has size 5 but its data is NULL"


def test_null_client_options_and_callback(capi: CApi, client: Any) -> None:
    options = capi.new("TemporalCoreRpcCallOptions")
    for handle, given, reason in (
        (capi.NULL, options, "client is NULL"),
        (client, capi.NULL, "options is NULL"),
    ):
        answer = capi.start(
            "TemporalCoreClientRpcCallCallback", "temporal_core_client_rpc_call", handle, given
        )
        assert outcome(capi, answer).message == reason
    capi.lib.temporal_core_client_rpc_call(client, options, capi.NULL, capi.NULL)


def test_a_server_error_carries_status_message_and_details(
    capi: CApi, client: Any, server: Server
) -> None:
    server.response = Response(status=5, message="not here", details=b"\x08\x05")
    ended = call(capi, client, "CountWorkflowExecutions")
    assert (ended.status, ended.message, ended.details) == (5, "not here", b"\x08\x05")


def test_a_server_error_without_details_has_empty_ones(
    capi: CApi, client: Any, server: Server
) -> None:
    server.response = Response(status=5, message="not here")
    assert call(capi, client, "CountWorkflowExecutions").details == b""


def test_retry_false_sends_once(
    capi: CApi, client: Any, server: Server, override: Override
) -> None:
    server.response = Response(status=14, message="unavailable")
    before = len(override.requests)
    assert call(capi, client, "CountWorkflowExecutions").status == 14
    assert len(override.requests) == before + 1


def test_retry_true_repeats_until_it_succeeds(
    capi: CApi, client: Any, server: Server, override: Override
) -> None:
    failures = [Response(status=14, message="unavailable")] * 2
    override.respond = lambda _request: failures.pop() if failures else Response()
    before = len(override.requests)
    assert call(capi, client, "CountWorkflowExecutions", retry=True).success is not None
    assert len(override.requests) == before + 3


def test_metadata_of_the_call_overrides_that_of_the_connection(
    capi: CApi, client: Any, override: Override
) -> None:
    lender = capi.lend()
    capi.lib.temporal_core_client_update_metadata(
        client, lender.array(["x-shared\nconnection", "x-connection\nyes"])
    )
    call(
        capi,
        client,
        "CountWorkflowExecutions",
        metadata=["x-shared\ncall", "x-call\nyes", "no newline"],
        binary_metadata=[b"x-raw-bin\n\x00\n\xff"],
    )
    headers = override.requests[-1].headers
    assert headers["x-shared"] == "call"
    assert headers["x-call"] == headers["x-connection"] == "yes"
    assert headers["x-raw-bin"] == "AAr/"


def test_updates_replace_the_metadata_of_later_calls(
    capi: CApi, client: Any, override: Override
) -> None:
    lender = capi.lend()
    lib = capi.lib
    lib.temporal_core_client_update_metadata(client, lender.array(["x-old\n1"]))
    lib.temporal_core_client_update_binary_metadata(client, lender.array([b"x-old-bin\n\x01"]))
    lib.temporal_core_client_update_api_key(client, lender.bytes("old"))
    call(capi, client, "CountWorkflowExecutions")
    headers = override.requests[-1].headers
    assert (headers["x-old"], headers["x-old-bin"]) == ("1", "AQ")
    assert headers["authorization"] == "Bearer old"

    lib.temporal_core_client_update_metadata(client, lender.array(["x-new\n2"]))
    lib.temporal_core_client_update_binary_metadata(client, lender.array([]))
    lib.temporal_core_client_update_api_key(client, lender.bytes(None))
    call(capi, client, "CountWorkflowExecutions")
    headers = override.requests[-1].headers
    assert headers["x-new"] == "2"
    assert not {"x-old", "x-old-bin", "authorization"} & headers.keys()


def test_an_invalid_update_changes_nothing(capi: CApi, client: Any, override: Override) -> None:
    lender = capi.lend()
    lib = capi.lib
    lib.temporal_core_client_update_metadata(client, lender.array(["x-kept\n1"]))
    lib.temporal_core_client_update_metadata(client, lender.array(["not a name\n2"]))
    lib.temporal_core_client_update_metadata(client, lender.array(["x-name-bin\n2"]))
    lib.temporal_core_client_update_metadata(client, {"data": capi.NULL, "size": 5})
    lib.temporal_core_client_update_api_key(client, lender.bytes(b"\xff"))
    lib.temporal_core_client_update_metadata(capi.NULL, lender.array([]))
    call(capi, client, "CountWorkflowExecutions")
    assert override.requests[-1].headers["x-kept"] == "1"


@pytest.mark.parametrize(
    ("kind", "entry", "reason"),
    [
        ("metadata", "not a name\nvalue", "metadata name `not a name`"),
        ("metadata", "x-name\nbad\x01value", "metadata value of `x-name`"),
        ("metadata", "x-name-bin\nvalue", "metadata name `x-name-bin`"),
        ("metadata", b"\xff\nvalue", "metadata[0] is not UTF-8"),
        ("binary_metadata", b"no-suffix\nvalue", "binary_metadata name `no-suffix`"),
        ("binary_metadata", b"\xff-bin\nvalue", "the key of binary_metadata[0] is not UTF-8"),
    ],
)
def test_invalid_call_metadata(
    capi: CApi, client: Any, kind: str, entry: bytes | str, reason: str
) -> None:
    ended = call(capi, client, "CountWorkflowExecutions", **{kind: [entry]})
    assert ended.message is not None
    assert ended.message.startswith(reason)


class TestCancellation:
    """Cancellation tokens."""

    def test_a_running_call_ends_as_cancelled(
        self, capi: CApi, client: Any, server: Server, override: Override
    ) -> None:
        server.delay.clear()
        token = capi.lib.temporal_core_cancellation_token_new()
        answer = start_call(capi, client, "CountWorkflowExecutions", token=token)
        until(lambda: override.requests[-1].rpc == "CountWorkflowExecutions", "call")
        capi.lib.temporal_core_cancellation_token_cancel(token)
        capi.lib.temporal_core_cancellation_token_free(token)
        ended = outcome(capi, answer)
        assert (ended.status, ended.message) == (0, "Cancelled")

    def test_a_token_cancelled_beforehand_cancels(self, capi: CApi, client: Any) -> None:
        token = capi.lib.temporal_core_cancellation_token_new()
        capi.lib.temporal_core_cancellation_token_cancel(token)
        ended = call(capi, client, "CountWorkflowExecutions", token=token)
        capi.lib.temporal_core_cancellation_token_free(token)
        assert (ended.status, ended.message) == (0, "Cancelled")

    def test_freeing_the_token_early_does_not_cancel(
        self, capi: CApi, client: Any, server: Server
    ) -> None:
        server.delay.clear()
        token = capi.lib.temporal_core_cancellation_token_new()
        answer = start_call(capi, client, "CountWorkflowExecutions", token=token)
        capi.lib.temporal_core_cancellation_token_free(token)
        server.delay.set()
        assert outcome(capi, answer).success is not None


def test_a_connection_freed_with_a_call_in_flight_still_answers(
    capi: CApi, server: Server, override: Override
) -> None:
    with capi.runtime() as runtime:
        client, _ = connect_answer(capi, runtime, "http://h", **override.fields).wait()
        server.delay.clear()
        answer = start_call(capi, client, "CountWorkflowExecutions")
        capi.lib.temporal_core_client_free(client)
        server.delay.set()
        assert outcome(capi, answer).success is not None


def test_a_runtime_freed_with_a_call_in_flight_still_answers(
    capi: CApi, server: Server, override: Override
) -> None:
    made = capi.lib.temporal_core_runtime_new(capi.new("TemporalCoreRuntimeOptions"))
    client, _ = connect_answer(capi, made.runtime, "http://h", **override.fields).wait()
    server.delay.clear()
    answer = start_call(capi, client, "CountWorkflowExecutions")
    capi.lib.temporal_core_runtime_free(made.runtime)
    capi.lib.temporal_core_client_free(client)
    server.delay.set()
    assert outcome(capi, answer).success is not None


def test_an_override_answer_with_an_invalid_header_is_an_internal_error(
    capi: CApi, client: Any, server: Server
) -> None:
    server.response = Response(headers=["not a name\nvalue"])
    ended = call(capi, client, "CountWorkflowExecutions")
    assert ended.status == 13
    assert ended.message is not None
    assert "not a name" in ended.message


def test_64_threads_call_at_once(capi: CApi, client: Any) -> None:
    ended: list[bytes | None] = []

    def calls() -> None:
        for _ in range(4):
            ended.append(call(capi, client, "CountWorkflowExecutions").success)

    threads = [threading.Thread(target=calls) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert ended == [b""] * 256
