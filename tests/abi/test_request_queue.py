"""RPCs that a host answers through events of a completion queue instead of a callback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    PollActivityTaskQueueResponse,
)
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask

from tests.support.abi.capi import CApi
from tests.support.abi.completion_queue import CompletionQueue, Event
from tests.support.abi.footprint import Footprint
from tests.support.abi.grpc_override import Override, Response
from tests.support.abi.rpc import SERVICES, Outcome, connection_options, outcome, start_call
from tests.support.abi.worker import new_worker, worker_options

TAG = 0xFEDC_BA98_7654_3210
RESULT = 1
INTERNAL = 13
NO_RESPONSE = Outcome(None, INTERNAL, "gRPC override: no response", b"")
PREFIX = "temporal_core_client_grpc_override_request"


def start_connect(
    queue: CompletionQueue, runtime: Any, requests: CompletionQueue, **fields: Any
) -> None:
    """Start connecting, which needs an answer; the result goes to ``queue``."""
    api = queue.api
    options = connection_options(api, queue.lender, "http://h", identity="somebody", **fields)
    extra = queue.lender.keep(
        api.sized(
            "TemporalStaticLibsConnectOptions",
            grpc_override_queue=requests.handle,
            grpc_override_tag=TAG,
        )
    )
    queue.start("temporal_static_libs_client_connect", runtime, options, extra, tag=RESULT)


def rpc_of(event: Event) -> str:
    """The name of an event's RPC."""
    rpc = getattr(event.api.lib, f"{PREFIX}_rpc")(event.struct.request)
    return event.api.text(rpc)


def respond(event: Event, response: Response | None = None) -> None:
    """Answer, and free the event."""
    api, lender = event.api, event.api.lend()
    given = response or Response()
    answer = api.new(
        "TemporalCoreClientGrpcOverrideResponse",
        status_code=given.status,
        headers=lender.array(given.headers),
        success_proto=lender.bytes(given.proto),
        fail_message=lender.bytes(given.message),
        fail_details=lender.bytes(given.details),
    )
    request = event.keep("request")
    getattr(api.lib, f"{PREFIX}_respond")(request, answer[0])
    event.free()


@pytest.fixture
def client(capi: CApi, queue: CompletionQueue, runtime: Any) -> Iterator[Any]:
    """A connection whose RPCs go to ``queue``."""
    start_connect(queue, runtime, queue)
    respond(queue.take("ClientGrpcOverride"))
    made = queue.take("ClientConnect").keep("connection")
    yield made
    capi.lib.temporal_core_client_free(made)


def test_connecting_creates_a_request_event(
    capi: CApi, queue: CompletionQueue, runtime: Any
) -> None:
    start_connect(queue, runtime, queue)
    event = queue.take("ClientGrpcOverride")
    assert event.tag == TAG
    assert event.fields == {"request"}
    assert rpc_of(event) == "GetSystemInfo"
    assert queue.try_next() is None
    respond(event)
    result = queue.take("ClientConnect")
    assert result.tag == RESULT
    assert result.fields == {"connection"}
    result.free()


def test_a_request_is_read_and_answered_on_any_thread(
    capi: CApi, queue: CompletionQueue, client: Any
) -> None:
    sent = CountWorkflowExecutionsRequest(namespace="ns", query="x = 1").SerializeToString()
    queue.start_call(
        client, "CountWorkflowExecutions", RESULT, request=sent, metadata=["name\nvalue"]
    )
    event = queue.take("ClientGrpcOverride")
    lib, request = capi.lib, event.struct.request
    assert rpc_of(event) == "CountWorkflowExecutions"
    service = capi.text(getattr(lib, f"{PREFIX}_service")(request))
    assert service == SERVICES["Workflow"]
    headers = getattr(lib, f"{PREFIX}_headers")(request)
    assert "name\nvalue" in [capi.text(headers.data[i]) for i in range(headers.size)]
    proto = getattr(lib, f"{PREFIX}_proto")(request)
    assert bytes(capi.ffi.buffer(proto.data, proto.size)) == sent
    counted = CountWorkflowExecutionsResponse(count=7).SerializeToString()
    thread = threading.Thread(target=respond, args=(event, Response(proto=counted)))
    thread.start()
    thread.join()
    result = queue.take("ClientRpcCall")
    assert (result.tag, result.fields, result.bytes()) == (RESULT, {"success"}, counted)
    result.free()


def test_a_request_is_answered_with_a_failure(queue: CompletionQueue, client: Any) -> None:
    queue.start_call(client, "CountWorkflowExecutions")
    answer = Response(status=5, message="no such thing", details=b"\x08\x05")
    respond(queue.take("ClientGrpcOverride"), answer)
    result = queue.take("ClientRpcCall")
    assert result.struct.status_code == 5
    assert (result.text(), result.bytes("failure_details")) == ("no such thing", b"\x08\x05")
    result.free()


def test_an_event_that_is_freed_without_an_answer_fails_its_rpc(
    capi: CApi, queue: CompletionQueue, client: Any
) -> None:
    answer = start_call(capi, client, "CountWorkflowExecutions")
    event = queue.take("ClientGrpcOverride")
    assert answer.calls.empty()
    event.free()
    assert outcome(capi, answer) == NO_RESPONSE
    assert event.fields == set()
    event.free()


def test_connecting_fails_without_an_answer(queue: CompletionQueue, runtime: Any) -> None:
    start_connect(queue, runtime, queue)
    queue.take("ClientGrpcOverride").free()
    result = queue.take("ClientConnect")
    assert result.fields == {"fail"}
    assert result.text().startswith("Connection failed: ")
    assert "gRPC override: no response" in result.text()
    result.free()


def test_an_rpc_fails_when_the_queue_is_freed_and_afterwards(
    capi: CApi, queue: CompletionQueue, runtime: Any
) -> None:
    requests = CompletionQueue(capi)
    start_connect(queue, runtime, requests)
    respond(requests.take("ClientGrpcOverride"))
    client = queue.take("ClientConnect").keep("connection")
    answers = [start_call(capi, client, "CountWorkflowExecutions") for _ in range(3)]
    taken = requests.take("ClientGrpcOverride")
    requests.wait_until_readable()
    requests.free()
    respond(taken)
    ends = [outcome(capi, answer) for answer in answers]
    assert sorted(end.status for end in ends) == [0, INTERNAL, INTERNAL]
    assert [end for end in ends if end.status == INTERNAL] == [NO_RESPONSE] * 2
    assert outcome(capi, start_call(capi, client, "CountWorkflowExecutions")) == NO_RESPONSE
    capi.lib.temporal_core_client_free(client)


def test_a_response_to_an_abandoned_rpc_does_no_harm(
    capi: CApi, queue: CompletionQueue, client: Any
) -> None:
    answer = start_call(capi, client, "CountWorkflowExecutions", timeout_millis=50)
    event = queue.take("ClientGrpcOverride")
    assert outcome(capi, answer).message == "Timeout expired"
    respond(event)
    queue.start_call(client, "CountWorkflowExecutions")
    respond(queue.take("ClientGrpcOverride"))
    assert queue.take("ClientRpcCall").fields == {"success"}


def test_waiting_requests_do_not_need_a_thread_each(
    capi: CApi, queue: CompletionQueue, client: Any
) -> None:
    before = Footprint.now().threads
    answers = [start_call(capi, client, "CountWorkflowExecutions") for _ in range(100)]
    events = [queue.take("ClientGrpcOverride") for _ in range(100)]
    # Far fewer than one for each. Another runtime may be shutting down.
    assert Footprint.now().threads < before + 10
    for event in events:
        respond(event)
    assert {outcome(capi, answer).success for answer in answers} == {b""}


def test_a_callback_and_a_queue_are_refused_together(
    capi: CApi, queue: CompletionQueue, runtime: Any
) -> None:
    override = Override(capi)
    start_connect(queue, runtime, queue, **override.fields)
    result = queue.take("ClientConnect")
    assert result.text() == (
        "Invalid options: grpc_override_callback and extra.grpc_override_queue are both set; "
        "set only one of them"
    )
    result.free()
    assert queue.try_next() is None
    assert override.requests == []


def test_one_thread_can_do_everything_with_one_queue(
    capi: CApi, queue: CompletionQueue, client: Any
) -> None:
    """The thread is the server and hosts a worker: calls, polls, a task and its completion."""
    options = worker_options(
        capi,
        queue.lender,
        "queue",
        task_types={"enable_remote_activities": True},
        activity_task_poller_behavior={
            "simple_maximum": queue.lender.struct(
                "TemporalCorePollerBehaviorSimpleMaximum", simple_maximum=1
            )
        },
    )
    made = new_worker(capi, client, options)
    tasks = [PollActivityTaskQueueResponse(task_token=b"token").SerializeToString()]
    polls: list[Event] = []
    rpcs: list[str] = []

    def serve_until(kind: str) -> Event:
        """Answer requests, except polls without a task, until a result comes."""
        while True:
            event = queue.next()
            assert event is not None
            if event.kind == kind:
                return event
            assert event.kind == "ClientGrpcOverride"
            rpcs.append(rpc_of(event))
            if rpcs[-1] != "PollActivityTaskQueue":
                respond(event)
            elif tasks:
                respond(event, Response(proto=tasks.pop()))
            else:
                polls.append(event)

    queue.start("temporal_core_worker_validate", made.handle)
    assert serve_until("Worker").fields == set()
    queue.start("temporal_core_worker_poll_activity_task", made.handle)
    event = serve_until("WorkerPoll")
    task = ActivityTask.FromString(event.bytes())
    event.free()
    completion = ActivityTaskCompletion(task_token=task.task_token)
    completion.result.completed.result.data = b"result"
    lent = queue.lender.bytes(completion.SerializeToString())
    queue.start("temporal_core_worker_complete_activity_task", made.handle, lent)
    assert serve_until("Worker").fields == set()
    made.initiate_shutdown()
    queue.start("temporal_core_worker_poll_activity_task", made.handle)
    assert serve_until("WorkerPoll").fields == set()
    queue.start("temporal_core_worker_finalize_shutdown", made.handle)
    assert serve_until("Worker").fields == set()
    made.free()
    for poll in polls:
        poll.free()
    wanted = {"DescribeNamespace", "PollActivityTaskQueue", "RespondActivityTaskCompleted"}
    assert wanted <= set(rpcs)
