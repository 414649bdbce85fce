"""Behavior inherited from Temporal's core. A failing test may mean that core has improved."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from google.rpc.status_pb2 import Status
from temporalio.api.enums.v1.event_type_pb2 import EventType
from temporalio.api.errordetails.v1.message_pb2 import WorkflowTaskCompletionBufferLostFailure
from temporalio.api.workflowservice.v1 import request_response_pb2 as messages
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.metrics import Meter, metrics_runtime, opentelemetry
from tests.support.abi.rpc import call, connection
from tests.support.abi.slot_supplier import CustomSupplier
from tests.support.abi.worker import WorkerError, worker
from tests.support.peers.raw_http2 import Headers, raw_http2_server
from tests.support.programs.waiting import until

FAILED_PRECONDITION = 9
UNIMPLEMENTED = 12
UNAVAILABLE = 14
LONGEST_FREE = 10.0
LONGEST_COMPLETION = 52.0
"""Seconds; docs/process.md."""
TYPES = {"enable_remote_activities": True}
COMPLETE = "RespondActivityTaskCompleted"
WITHOUT_AN_END = 3.0
"""Seconds that distinguish a poll that was ended from one that waits a minute for its own end."""
TASK = messages.PollActivityTaskQueueResponse(task_token=b"token", activity_id="1")
DONE = ActivityTaskCompletion(task_token=TASK.task_token)
DONE.result.completed.result.data = b"result"
COMPLETION = DONE.SerializeToString()


class Server:
    """Answers polls once ``end_polls`` is set."""

    def __init__(self, shutdown_worker: Response) -> None:
        self.shutdown_worker = shutdown_worker
        self.end_polls = threading.Event()
        self.polls = 0

    def respond(self, request: Request) -> Response:
        if request.rpc == "DescribeNamespace":
            described = messages.DescribeNamespaceResponse()
            described.namespace_info.capabilities.worker_poll_complete_on_shutdown = True
            return Response(described.SerializeToString())
        if request.rpc == "ShutdownWorker":
            return self.shutdown_worker
        if request.rpc.startswith("Poll"):
            self.polls += 1
            assert self.end_polls.wait(60)
        return Response()


class OneTask:
    """Has one activity; answers other activity polls once ``end_polls`` is set."""

    def __init__(self, completed: Response | None = None) -> None:
        """``completed``: the response to the activity's completion."""
        self.tasks = iter([Response(TASK.SerializeToString())])
        self.end_polls = threading.Event()
        self.completed = completed or Response()

    def respond(self, request: Request) -> Response:
        if request.rpc == "PollActivityTaskQueue":
            response = next(self.tasks, None)
            if response is not None:
                return response
            self.end_polls.wait(60)
        return self.completed if request.rpc == COMPLETE else Response()


def test_finalizing_waits_for_an_activity_that_is_not_completed(capi: CApi) -> None:
    """It waits until the worker is freed."""
    server = OneTask()
    override = Override(capi, server.respond)
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as client,
        worker(capi, client, "open", identity_override="me", task_types=TYPES) as made,
    ):
        try:
            assert made.polled(made.poll("activity_task"))
        finally:
            server.end_polls.set()
        made.initiate_shutdown()
        finalizing = made.start("temporal_core_worker_finalize_shutdown")
        with pytest.raises(AssertionError, match="no answer within"):
            finalizing.wait(0.5)
        made.free()
        with pytest.raises(WorkerError, match="The worker was freed before the call ended"):
            made.done(finalizing, 10)


@dataclass(frozen=True)
class Refused:
    """A completion that the server refused again and again."""

    attempts: int
    seconds: float


def refused_completion(api: CApi) -> Refused:
    """Complete an activity, with a server that is not available for that."""
    server = OneTask(Response(status=UNAVAILABLE, message="no"))
    override = Override(api, server.respond)
    retry = api.new("TemporalCoreClientRetryOptions", multiplier=1.0, max_retries=1)
    with (
        api.runtime() as runtime,
        connection_to(override, runtime, retry_options=retry) as client,
        worker(api, client, "retries", identity_override="me", task_types=TYPES) as made,
    ):
        try:
            assert made.polled(made.poll("activity_task"))
            began = time.monotonic()
            made.done(made.complete("activity_task", COMPLETION), LONGEST_COMPLETION)
            seconds = time.monotonic() - began
        finally:
            server.end_polls.set()
        made.shut_down_idle()
    return Refused([it.rpc for it in override.requests].count(COMPLETE), seconds)


@pytest.fixture(scope="module", autouse=True)
def refused(capi: CApi) -> Iterator[Future[Refused]]:
    """The refused completion, which takes as long as all other tests here together."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(refused_completion, capi)


def test_a_shutdown_waits_for_long_polls_of_a_server_without_shutdown_worker(capi: CApi) -> None:
    """The server claims to end polls when a worker shuts down, but does not."""
    server = Server(Response(status=UNIMPLEMENTED, message="unknown method ShutdownWorker"))
    override = Override(capi, server.respond)
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as client,
        worker(capi, client, "inherited", identity_override="me", task_types=TYPES) as made,
    ):
        made.validate()
        poll = made.poll("activity_task")
        until(lambda: server.polls, "poll of the server")
        made.initiate_shutdown()
        until(lambda: "ShutdownWorker" in [it.rpc for it in override.requests], "ShutdownWorker")
        with pytest.raises(AssertionError, match="no answer within"):
            poll.wait(WITHOUT_AN_END)
        server.end_polls.set()
        assert made.polled(poll, 10) is None
        made.finalize()


def test_details_of_a_status_that_are_no_base64_are_a_panic_that_the_call_reports(
    capi: CApi,
) -> None:
    def answer(number: int) -> Headers | None:
        # The first call is the connection's own.
        return [("grpc-status", "3"), ("grpc-status-details-bin", "!")] if number else None

    with (
        raw_http2_server(answer) as address,
        capi.runtime() as runtime,
        connection(capi, runtime, f"http://{address}") as client,
    ):
        for _ in range(2):  # the connection works on
            ended = call(capi, client, "GetSystemInfo")
            assert (ended.status, ended.details) == (0, None)
            assert ended.message is not None
            assert ended.message.startswith("panic: Invalid status header, expected base64")


def test_a_heartbeat_waits_while_a_slot_supplier_marks_a_slot_as_used(capi: CApi) -> None:
    """Core holds the lock of its activities while it calls ``mark_used``."""
    inside, leave = threading.Event(), threading.Event()

    class Slow(CustomSupplier):
        def _mark_used(self, ctx: object, user_data: object) -> None:
            inside.set()
            leave.wait(60)
            super()._mark_used(ctx, user_data)

    server = OneTask()
    supplier = Slow(capi)
    override = Override(capi, server.respond)
    suppliers = {"activity": supplier.supplier}
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as client,
        worker(
            capi, client, "locks", identity_override="me", task_types=TYPES, suppliers=suppliers
        ) as made,
    ):
        try:
            poll = made.poll("activity_task")
            assert inside.wait(30)
            heartbeat = threading.Thread(target=made.heartbeat, args=(b"",))
            began = time.monotonic()
            heartbeat.start()
            heartbeat.join(0.5)
            assert heartbeat.is_alive()
            leave.set()
            heartbeat.join(30)
            assert not heartbeat.is_alive()
            assert time.monotonic() - began >= 0.5
            assert made.polled(poll)
            made.done(made.complete("activity_task", COMPLETION))
        finally:
            leave.set()
            server.end_polls.set()
        made.shut_down_idle()


def test_freeing_a_runtime_waits_no_longer_than_documented_for_a_silent_collector(
    capi: CApi,
) -> None:
    lender = capi.lend()
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as stack:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/metrics"
        http = capi.lib.TemporalCoreOpenTelemetryProtocol_Http
        options = opentelemetry(lender, url, protocol=http, metric_periodicity_millis=3_600_000)
        runtime = stack.enter_context(metrics_runtime(capi, opentelemetry=options))
        with Meter(capi, runtime) as meter:
            counter = meter.metric("CounterInteger", "counter")
            capi.lib.temporal_core_metric_record_integer(counter, 1, capi.NULL)
        began = time.monotonic()
        stack.close()
        took = time.monotonic() - began
    assert took < LONGEST_FREE


def test_a_completion_is_sent_again_for_10_seconds_whatever_its_connection_says(
    refused: Future[Refused],
) -> None:
    """The connection's retry options allow one attempt."""
    ended = refused.result()
    assert ended.attempts > 1
    assert 5 < ended.seconds < 10 + 5


def workflow_task() -> messages.PollWorkflowTaskQueueResponse:
    """Make the first task of a workflow."""
    task = messages.PollWorkflowTaskQueueResponse(task_token=b"token", attempt=1)
    task.workflow_execution.workflow_id = task.workflow_execution.run_id = "run"
    task.workflow_type.name = "workflow"
    task.workflow_execution_task_queue.name = "parts"
    task.started_event_id = 3
    for number, name in enumerate(("EXECUTION_STARTED", "TASK_SCHEDULED", "TASK_STARTED"), 1):
        event = task.history.events.add(event_id=number)
        event.event_time.GetCurrentTime()
        event.event_type = EventType.Value(f"EVENT_TYPE_WORKFLOW_{name}")
        getattr(event, f"workflow_{name.lower()}_event_attributes").SetInParent()
    task.history.events[2].workflow_task_started_event_attributes.scheduled_event_id = 2
    started = task.history.events[0].workflow_execution_started_event_attributes
    started.workflow_type.name = "workflow"
    started.task_queue.name = "parts"
    started.original_execution_run_id = started.first_execution_run_id = "run"
    return task


def large_completion() -> bytes:
    """Make a completion that core sends in parts."""
    completion = WorkflowActivationCompletion(run_id="run")
    for number in (1, 2):
        activity = completion.successful.commands.add().schedule_activity
        activity.seq = number
        activity.activity_id = activity.activity_type = activity.task_queue = str(number)
        activity.start_to_close_timeout.seconds = 60
        activity.arguments.add(data=bytes(2 << 20))
    return completion.SerializeToString()


def test_a_large_workflow_completion_is_sent_again_as_long_as_the_server_loses_parts(
    capi: CApi,
) -> None:
    """Until it succeeds, or the worker shuts down."""
    lost = Status(code=FAILED_PRECONDITION)
    lost.details.add().Pack(WorkflowTaskCompletionBufferLostFailure())
    loss = Response(status=FAILED_PRECONDITION, details=lost.SerializeToString())
    tasks = iter([Response(workflow_task().SerializeToString())])
    polls_end = threading.Event()

    def respond(request: Request) -> Response:
        if request.rpc == "DescribeNamespace":
            described = messages.DescribeNamespaceResponse()
            described.namespace_info.capabilities.workflow_task_completion_pagination = True
            return Response(described.SerializeToString())
        if request.rpc == "PollWorkflowTaskQueue":
            response = next(tasks, None)
            if response is not None:
                return response
            polls_end.wait(60)
        return loss if request.rpc == "RespondWorkflowTaskCompleted" else Response()

    kind = "workflow_activation"
    override = Override(capi, respond)
    types = {"enable_workflows": True}
    fields = {"identity_override": "me", "task_types": types, "max_cached_workflows": 0}
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as client,
        worker(capi, client, "parts", **fields) as made,
    ):
        try:
            made.validate()
            assert made.polled(made.poll(kind))
            completion = made.complete(kind, large_completion())
            with pytest.raises(AssertionError, match="no answer within"):
                completion.wait(1)
            attempts = [it.rpc for it in override.requests].count("RespondWorkflowTaskCompleted")
            assert attempts > 1
            made.initiate_shutdown()
            made.done(completion, 10)
        finally:
            polls_end.set()
        empty = WorkflowActivationCompletion(run_id="run")
        empty.successful.SetInParent()
        while made.polled(made.poll(kind)) is not None:
            made.done(made.complete(kind, empty.SerializeToString()))
        made.finalize()
