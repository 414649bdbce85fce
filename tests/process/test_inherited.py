"""What a host gets from Temporal's core as it is. A test here that fails may mean that core is better."""

from __future__ import annotations

import threading
import time

import pytest
from capi import CApi
from grpc_override import Override, Request, Response, connection_to
from raw_http2 import Headers, raw_http2_server
from rpc import call, connection
from slot_supplier import CustomSupplier
from temporalio.api.workflowservice.v1 import request_response_pb2 as messages
from waiting import until
from worker import worker

UNIMPLEMENTED = 12
WITHOUT_AN_END = 3.0
"""Seconds that tell a poll which waits for its own end, a minute away, from one that is ended."""


class Server:
    """Answers polls when it is told to."""

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


def test_a_shutdown_waits_for_long_polls_of_a_server_without_shutdown_worker(capi: CApi) -> None:
    """A server that says that it ends polls when a worker shuts down, and does not."""
    server = Server(Response(status=UNIMPLEMENTED, message="unknown method ShutdownWorker"))
    override = Override(capi, server.respond)
    types = {"enable_remote_activities": True}
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as client,
        worker(capi, client, "inherited", identity_override="me", task_types=types) as made,
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

    task = messages.PollActivityTaskQueueResponse(task_token=b"token", activity_id="1")
    tasks = iter([Response(task.SerializeToString())])
    polls_end = threading.Event()

    def respond(request: Request) -> Response:
        if request.rpc == "PollActivityTaskQueue":
            response = next(tasks, None)
            if response is not None:
                return response
            polls_end.wait(60)
        return Response()

    supplier = Slow(capi)
    override = Override(capi, respond)
    types = {"enable_remote_activities": True}
    suppliers = {"activity": supplier.supplier}
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime) as client,
        worker(capi, client, "locks", identity_override="me", task_types=types, suppliers=suppliers) as made,
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
        finally:
            leave.set()
            polls_end.set()
