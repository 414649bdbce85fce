"""Completion queues: results of each kind, what is refused, and freeing."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsResponse,
    PollActivityTaskQueueResponse,
)
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask

from tests.support.abi.capi import CApi, function_names
from tests.support.abi.completion_queue import (
    POINTERS,
    CompletionQueue,
    Event,
    completion_queue,
    some_bytes,
)
from tests.support.abi.footprint import nothing_left
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.log_capture import LogCapture
from tests.support.abi.rpc import call, connection, outcome, start_call
from tests.support.abi.worker import KINDS, Worker, worker
from tests.support.peers.stalling_peer import Place, Reply, stalling_peer
from tests.support.programs.process_status import threads
from tests.support.programs.waiting import until

TAG = 0xFEDC_BA98_7654_3210
NOBODY = "http://127.0.0.1:1"
"""An address where nobody listens."""

NOT_FOUND, PERMISSION_DENIED = 5, 7


class Server:
    """The override's answers."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        """Once it is set, waiting calls are answered."""
        self.stopped.set()
        self.tasks: list[bytes] = []
        """Activity tasks for polls."""

    def respond(self, request: Request) -> Response:
        if request.rpc == "CountWorkflowExecutions":
            return Response(proto=CountWorkflowExecutionsResponse(count=7).SerializeToString())
        if request.rpc == "ListWorkflowExecutions":
            return Response(status=NOT_FOUND, message="no such list", details=b"\x08\x05")
        if request.rpc == "DescribeTaskQueue":
            return Response(status=PERMISSION_DENIED, message="not for you")
        if request.rpc == "GetClusterInfo":
            assert self.stopped.wait(60)
        if request.rpc == "PollActivityTaskQueue" and self.tasks:
            return Response(proto=self.tasks.pop())
        if request.rpc.startswith("Poll"):
            time.sleep(0.05)
        return Response()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stopped.set()


@pytest.fixture
def client(capi: CApi, runtime: Any, server: Server) -> Iterator[Any]:
    override = Override(capi, server.respond)
    with connection_to(override, runtime, identity="somebody") as made:
        yield made


def taken(queue: CompletionQueue, kind: str, tag: int = TAG) -> Event:
    """Take the expected event with its tag, and check that the queue has no other."""
    event = queue.take(kind)
    assert event.tag == tag
    assert queue.try_next() is None
    return event


def only_fails(queue: CompletionQueue, kind: str, tag: int = TAG) -> str:
    """Take the event of a failed call, and return its message."""
    event = taken(queue, kind, tag)
    assert event.fields == {"fail"}
    message = event.text()
    event.free()
    return message


class TestResults:
    """Each ready-made callback, with the calls that it is for."""

    def test_a_connection(self, capi: CApi, runtime: Any, server: Server) -> None:
        override = Override(capi, server.respond)
        with completion_queue(capi) as queue:
            queue.start_connect(runtime, "http://h", TAG, **override.fields)
            event = taken(queue, "ClientConnect")
            assert event.fields == {"connection"}
            made = event.keep("connection")
            event.free()
        assert call(capi, made, "GetSystemInfo").success == b""
        capi.lib.temporal_core_client_free(made)

    def test_no_connection(self, queue: CompletionQueue, runtime: Any) -> None:
        queue.start_connect(runtime, NOBODY, TAG)
        message = only_fails(queue, "ClientConnect")
        assert message.startswith("Connection failed: ")

    @pytest.mark.parametrize(
        "function", ["temporal_core_client_connect", "temporal_static_libs_client_connect"]
    )
    def test_a_connect_with_wrong_arguments(
        self, capi: CApi, queue: CompletionQueue, runtime: Any, function: str
    ) -> None:
        extra = [] if function.startswith("temporal_core_") else [capi.NULL]
        queue.start(function, runtime, capi.NULL, *extra, tag=TAG)
        event = queue.try_next()
        assert event is not None, "no event when the call returned"
        assert event.text() == "Invalid options: options is NULL"
        event.free()

    def test_an_rpc(self, queue: CompletionQueue, client: Any) -> None:
        queue.start_call(client, "CountWorkflowExecutions", TAG)
        event = taken(queue, "ClientRpcCall")
        assert event.fields == {"success"}
        assert CountWorkflowExecutionsResponse.FromString(event.bytes()).count == 7
        event.free()

    def test_an_rpc_that_the_server_refuses(self, queue: CompletionQueue, client: Any) -> None:
        queue.start_call(client, "ListWorkflowExecutions", TAG)
        event = taken(queue, "ClientRpcCall")
        assert event.fields == {"status_code", "fail", "failure_details"}
        assert event.struct.status_code == NOT_FOUND
        assert event.text() == "no such list"
        assert event.bytes("failure_details") == b"\x08\x05"
        event.free()

    def test_an_rpc_with_wrong_arguments(
        self, capi: CApi, queue: CompletionQueue, client: Any
    ) -> None:
        queue.start("temporal_core_client_rpc_call", client, capi.NULL, tag=TAG)
        assert only_fails(queue, "ClientRpcCall") == "options is NULL"
        queue.start_call(capi.NULL, "CountWorkflowExecutions", TAG)
        assert only_fails(queue, "ClientRpcCall") == "client is NULL"
        queue.start_call(client, "Nope", TAG)
        assert only_fails(queue, "ClientRpcCall") == "Unknown RPC call Nope"

    def test_an_rpc_that_is_cancelled(
        self, capi: CApi, queue: CompletionQueue, client: Any, server: Server
    ) -> None:
        server.stopped.clear()
        token = capi.lib.temporal_core_cancellation_token_new()
        queue.start_call(client, "GetClusterInfo", TAG, token=token)
        assert queue.try_next() is None
        capi.lib.temporal_core_cancellation_token_cancel(token)
        assert only_fails(queue, "ClientRpcCall") == "Cancelled"
        capi.lib.temporal_core_cancellation_token_free(token)

    def test_a_worker_and_its_tasks(
        self, capi: CApi, queue: CompletionQueue, client: Any, server: Server
    ) -> None:
        lent = queue.lender.bytes
        server.tasks = [PollActivityTaskQueueResponse(task_token=b"token").SerializeToString()]
        with worker(capi, client, "queue") as made:
            queue.start("temporal_core_worker_validate", made.handle, tag=TAG)
            assert taken(queue, "Worker").fields == set()
            queue.start("temporal_core_worker_poll_activity_task", made.handle, tag=TAG)
            event = taken(queue, "WorkerPoll")
            assert event.fields == {"success"}
            task = ActivityTask.FromString(event.bytes())
            assert task.task_token == b"token"
            event.free()
            completion = ActivityTaskCompletion(task_token=task.task_token)
            completion.result.completed.result.SetInParent()
            complete = "temporal_core_worker_complete_activity_task"
            queue.start(complete, made.handle, lent(completion.SerializeToString()), tag=TAG)
            assert taken(queue, "Worker").fields == set()
            queue.start(complete, made.handle, lent(b"\xff"), tag=TAG)
            assert only_fails(queue, "Worker").startswith("Activity task decode failure: ")
            made.initiate_shutdown()
            for kind in KINDS:
                queue.start(f"temporal_core_worker_poll_{kind}", made.handle, tag=TAG)
                assert taken(queue, "WorkerPoll").fields == set(), "shut down"
            queue.start("temporal_core_worker_finalize_shutdown", made.handle, tag=TAG)
            assert taken(queue, "Worker").fields == set()

    @pytest.mark.parametrize(
        ("function", "kind", "beginning"),
        [
            *(
                (f"poll_{kind}", "WorkerPoll", f"{name} polling failure: ")
                for kind, name in zip(KINDS, ("Workflow", "Activity", "Nexus"), strict=True)
            ),
            ("validate", "Worker", ""),
            ("finalize_shutdown", "Worker", ""),
        ],
    )
    def test_calls_on_a_finalized_worker(
        self,
        capi: CApi,
        queue: CompletionQueue,
        client: Any,
        function: str,
        kind: str,
        beginning: str,
    ) -> None:
        with worker(capi, client, "queue") as made:
            made.shut_down_idle()
            queue.start(f"temporal_core_worker_{function}", made.handle, tag=TAG)
            assert only_fails(queue, kind).startswith(beginning)
        queue.start(f"temporal_core_worker_{function}", capi.NULL, tag=TAG)
        assert only_fails(queue, kind).endswith("worker is NULL")

    @pytest.mark.parametrize("kind", KINDS)
    def test_completions_with_a_wrong_worker(
        self, capi: CApi, queue: CompletionQueue, kind: str
    ) -> None:
        nothing = queue.lender.bytes(None)
        queue.start(f"temporal_core_worker_complete_{kind}", capi.NULL, nothing, tag=TAG)
        assert only_fails(queue, "Worker").endswith("worker is NULL")

    def test_the_servers_report_about_a_worker(
        self, capi: CApi, queue: CompletionQueue, runtime: Any
    ) -> None:
        function = "temporal_static_libs_worker_ask_server"
        with (
            connection_to(Override(capi), runtime, identity="somebody") as client,
            worker(capi, client, "queue") as made,
        ):
            queue.start(function, made.handle, tag=TAG)
            event = taken(queue, "WorkerAskServer")
            assert event.fields == {"success"}
            assert json.loads(event.bytes())["task_queue"] == "queue"
            event.free()

    def test_a_refused_report_about_a_worker(
        self, capi: CApi, queue: CompletionQueue, client: Any
    ) -> None:
        function = "temporal_static_libs_worker_ask_server"
        with worker(capi, client, "queue") as made:
            queue.start(function, made.handle, tag=TAG)
            assert only_fails(queue, "WorkerAskServer").endswith(": not for you")
        queue.start(function, capi.NULL, tag=TAG)
        assert only_fails(queue, "WorkerAskServer").endswith("worker is NULL")

    def test_a_server_that_does_not_start(
        self, capi: CApi, queue: CompletionQueue, runtime: Any
    ) -> None:
        function = "temporal_core_ephemeral_server_start_dev_server"
        common = queue.lender.struct(
            "TemporalCoreTestServerOptions", existing_path=queue.lender.bytes("/bin/false")
        )
        options = queue.lender.struct("TemporalCoreDevServerOptions", test_server=common)
        queue.start(function, runtime, options, tag=TAG)
        message = only_fails(queue, "EphemeralServerStart")
        assert message.startswith("Connection failed: /bin/false ended")
        test_server = "temporal_core_ephemeral_server_start_test_server"
        queue.start(test_server, runtime, capi.NULL, tag=TAG)
        assert only_fails(queue, "EphemeralServerStart") == "Invalid options: options is NULL"
        queue.start("temporal_core_ephemeral_server_shutdown", capi.NULL, tag=TAG)
        assert only_fails(queue, "EphemeralServerShutdown") == "server is NULL"

    def test_results_of_several_runtimes_and_calls_have_their_tags(
        self, capi: CApi, queue: CompletionQueue, client: Any
    ) -> None:
        for tag in range(0, 60, 2):
            queue.start_call(client, "CountWorkflowExecutions", tag)
        with capi.runtime() as other, connection_to(Override(capi), other) as second:
            for tag in range(1, 60, 2):
                queue.start_call(second, "CountWorkflowExecutions", tag)
            events = [queue.take("ClientRpcCall") for _ in range(60)]
        assert {event.tag: len(event.bytes()) for event in events} == {
            tag: 0 if tag % 2 else 2 for tag in range(60)
        }
        for event in events:
            event.free()

    def test_blocking_callbacks_do_not_delay_results_for_a_queue(
        self, capi: CApi, queue: CompletionQueue
    ) -> None:
        """Callbacks that may block have threads, which results for a queue do not need."""
        inside, leave = threading.Event(), threading.Event()

        def block(*_arguments: Any) -> None:
            inside.set()
            assert leave.wait(60)

        def threads_of_callbacks() -> int:
            return sum(name == "temporal-callba" for name, _ in threads(os.getpid()).values())

        with (
            capi.runtime(threads=1, callbacks_may_block=True) as runtime,
            connection_to(Override(capi), runtime) as client,
        ):
            blocked = start_call(capi, client, "GetSystemInfo", inside=block)
            try:
                assert inside.wait(30)
                before = threads_of_callbacks()
                for tag in range(100):
                    queue.start_call(client, "GetSystemInfo", tag)
                events = [queue.take("ClientRpcCall") for _ in range(100)]
                assert {event.tag for event in events} == set(range(100))
                assert threads_of_callbacks() == before == 1
            finally:
                leave.set()
            assert outcome(capi, blocked).success == b""
        for event in events:
            event.free()

    def test_a_result_comes_after_its_runtime_was_freed(
        self, capi: CApi, queue: CompletionQueue
    ) -> None:
        with capi.runtime() as short_lived:
            queue.start_connect(short_lived, NOBODY, TAG)
        assert only_fails(queue, "ClientConnect").startswith("Connection failed: ")


READY_MADE = {
    "client_connect": ("ClientConnect", ("connection", "fail")),
    "client_rpc_call": (
        "ClientRpcCall",
        ("success", "status_code", "fail", "failure_details"),
    ),
    "ephemeral_server_shutdown": ("EphemeralServerShutdown", ("fail",)),
    "ephemeral_server_start": ("EphemeralServerStart", ("server", "success", "fail")),
    "worker": ("Worker", ("fail",)),
    "worker_ask_server": ("WorkerAskServer", ("success", "fail")),
    "worker_poll": ("WorkerPoll", ("success", "fail")),
}
"""For each ready-made callback, the kind of its event and the fields for its arguments."""


def test_every_ready_made_callback_of_the_header_is_tested(declared: str) -> None:
    prefix = "temporal_static_libs_on_"
    declared_here = {
        name.removeprefix(prefix) for name in function_names(declared) if name.startswith(prefix)
    }
    assert declared_here == set(READY_MADE)


@pytest.mark.parametrize("name", READY_MADE)
def test_each_argument_of_a_ready_made_callback_becomes_its_field(
    capi: CApi, queue: CompletionQueue, name: str
) -> None:
    """Call it like the library, with one argument at a time."""
    kind, fields = READY_MADE[name]
    callback = getattr(capi.lib, f"temporal_static_libs_on_{name}")

    def arguments(given: str) -> list[Any]:
        nothing = {field: 0 if field == "status_code" else capi.NULL for field in fields}
        return [*{**nothing, given: 7 if given == "status_code" else some_bytes(capi)}.values()]

    # Without handles, because a fake one could not be freed. `TestResults` uses real ones.
    for field in set(fields) - {"connection", "server"}:
        given = arguments(field)
        callback(queue.tag(TAG), *given)
        event = taken(queue, kind)
        assert event.fields == {field}
        assert getattr(event.struct, field) == given[fields.index(field)]
        event.free()
        callback(capi.NULL, *arguments(field))
        assert queue.try_next() is None, "an event without a queue"


class TestWrongArguments:
    """Each call returns false, and writes or takes nothing."""

    FILLER = b"\xa5"

    def raw(self, capi: CApi, size: int) -> Any:
        """Memory of an event in which only the size was written."""
        whole = capi.ffi.sizeof("TemporalStaticLibsEvent")
        event: Any = capi.ffi.new("TemporalStaticLibsEvent *")
        capi.ffi.buffer(event)[:] = self.FILLER * whole
        event.size = size
        return event

    def functions(self, capi: CApi) -> list[Callable[[Any, Any], bool]]:
        lib = capi.lib
        return [
            lib.temporal_static_libs_queue_try_next,
            lambda queue, event: lib.temporal_static_libs_queue_next(queue, 0, event),
            lambda queue, event: lib.temporal_static_libs_queue_next(queue, -1, event),
            lambda queue, event: lib.temporal_static_libs_queue_next(queue, 60_000, event),
        ]

    def test_an_event_of_another_size(self, capi: CApi, queue: CompletionQueue) -> None:
        whole = capi.ffi.sizeof("TemporalStaticLibsEvent")
        queue.put(TAG)
        for function in self.functions(capi):
            for size in (0, 1, whole - 1, whole + 1, 2 * whole, 2**64 - 1):
                event = self.raw(capi, size)
                before = bytes(capi.ffi.buffer(event))
                assert not function(queue.handle, event)
                assert bytes(capi.ffi.buffer(event)) == before
        assert taken(queue, "Worker").fields == set()

    def test_no_event_and_no_queue(self, capi: CApi, queue: CompletionQueue) -> None:
        whole = capi.ffi.sizeof("TemporalStaticLibsEvent")
        queue.put(TAG)
        for function in self.functions(capi):
            assert not function(queue.handle, capi.NULL)
            event = self.raw(capi, whole)
            before = bytes(capi.ffi.buffer(event))
            assert not function(capi.NULL, event)
            assert not function(capi.NULL, capi.NULL)
            assert bytes(capi.ffi.buffer(event)) == before
        assert taken(queue, "Worker").fields == set()

    def test_an_event_overwrites_the_previous_content(
        self, capi: CApi, queue: CompletionQueue
    ) -> None:
        """Uninitialized pointers are not freed, and padding is ignored."""
        event = self.raw(capi, capi.ffi.sizeof("TemporalStaticLibsEvent"))
        queue.put(TAG)
        assert capi.lib.temporal_static_libs_queue_try_next(queue.handle, event)
        assert event.tag == TAG
        assert [name for name in POINTERS if getattr(event, name) != capi.NULL] == []
        assert (event.status_code, event.count, event.log_level) == (0, 0, 0)
        assert event.size == capi.ffi.sizeof("TemporalStaticLibsEvent")

    def test_memory_is_unchanged_without_an_event(self, capi: CApi, queue: CompletionQueue) -> None:
        event = self.raw(capi, capi.ffi.sizeof("TemporalStaticLibsEvent"))
        before = bytes(capi.ffi.buffer(event))
        assert not capi.lib.temporal_static_libs_queue_try_next(queue.handle, event)
        assert not capi.lib.temporal_static_libs_queue_next(queue.handle, 1, event)
        assert bytes(capi.ffi.buffer(event)) == before

    def test_other_functions_accept_null(self, capi: CApi) -> None:
        assert capi.lib.temporal_static_libs_queue_tag(capi.NULL, TAG) == capi.NULL
        assert capi.lib.temporal_static_libs_queue_descriptor(capi.NULL) == -1
        capi.lib.temporal_static_libs_queue_free(capi.NULL)
        capi.lib.temporal_static_libs_event_free(capi.NULL)

    def test_wrong_arguments_are_logged(self, capi: CApi, queue: CompletionQueue) -> None:
        """Only on threads with a log: in a callback, on a thread of the library."""
        lib, lender, logs = capi.lib, capi.lend(), LogCapture(capi)
        options = lender.struct(
            "TemporalCoreRuntimeOptions", telemetry=logs.telemetry(lender, "error")
        )
        whole = capi.ffi.sizeof("TemporalStaticLibsEvent")

        def misuse(*_arguments: Any) -> None:
            lib.temporal_static_libs_queue_next(queue.handle, 0, capi.NULL)
            lib.temporal_static_libs_queue_next(capi.NULL, 0, self.raw(capi, whole))
            lib.temporal_static_libs_queue_try_next(queue.handle, self.raw(capi, whole + 8))
            lib.temporal_static_libs_queue_try_next(capi.NULL, self.raw(capi, whole))
            lib.temporal_static_libs_queue_tag(capi.NULL, 0)
            lib.temporal_static_libs_queue_descriptor(capi.NULL)

        with capi.runtime(options) as runtime, connection_to(Override(capi), runtime) as client:
            answer = start_call(capi, client, "GetSystemInfo", inside=misuse)
            assert outcome(capi, answer).success == b""
        name = "temporal_static_libs_queue_"
        assert logs.messages("Error") == [
            f"{name}next: event is NULL",
            f"{name}next: queue is NULL",
            f"{name}try_next: event.size must be {whole}, not {whole + 8}{capi.interface_note}",
            f"{name}try_next: queue is NULL",
            f"{name}tag: queue is NULL",
            f"{name}descriptor: queue is NULL",
        ]


class TestFreeing:
    def test_connections_that_wait_on_a_queue_are_closed(self, capi: CApi, runtime: Any) -> None:
        with stalling_peer() as peer:
            queue = CompletionQueue(capi)
            for _ in range(2):
                queue.start_connect(runtime, peer.target)
            until(lambda: len(peer.calls) == 2, "second connection")
            queue.wait_until_readable()
            queue.free()
            until(lambda: peer.open_connections == 0, "end of the connections")

    def test_a_connection_that_comes_later_is_closed(self, capi: CApi, runtime: Any) -> None:
        with stalling_peer() as peer:
            peer.script("", [Reply(delay=0.3)])
            queue = CompletionQueue(capi)
            queue.start_connect(runtime, peer.target)
            until(lambda: len(peer.calls) == 1, "first call of the connect")
            queue.free()
            assert peer.open_connections == 1
            until(lambda: peer.open_connections == 0, "end of the connection")

    def test_calls_that_are_in_flight_leave_nothing(self, capi: CApi) -> None:
        """For a server that never answers, and one that answers after the queue was freed."""
        with stalling_peer() as peer, capi.runtime() as runtime:
            with connection(capi, runtime, peer.target) as client:
                # One-time allocations are done.
                call(capi, client, "CountWorkflowExecutions")
            until(lambda: peer.open_connections == 0, "end of the connection")
            with nothing_left(10), connection(capi, runtime, peer.target) as client:
                queue = CompletionQueue(capi)
                queue.descriptor()
                peer.script("late", [Reply(delay=0.2)] * 20)
                for tag in range(20):
                    queue.start_call(
                        client, "CountWorkflowExecutions", tag, metadata=["x-case\nlate"]
                    )
                peer.script("never", [Reply(stop=Place.SETTINGS)] * 20)
                for tag in range(20):
                    queue.start_call(
                        client, "CountWorkflowExecutions", tag, metadata=["x-case\nnever"]
                    )
                until(lambda: len(peer.asked("never")) == 20, "calls")
                queue.free()
                assert call(capi, client, "CountWorkflowExecutions").success is not None
                peer.drop()

    def test_polls_that_are_in_flight_end_without_it(
        self, capi: CApi, client: Any, server: Server
    ) -> None:
        queue = CompletionQueue(capi)
        with worker(capi, client, "queue") as made:
            for kind in KINDS:
                queue.start(f"temporal_core_worker_poll_{kind}", made.handle)
            queue.free()
            made.initiate_shutdown()
            finalize = "temporal_core_worker_finalize_shutdown"
            # Finalizing is refused while a poll is in flight.
            until(lambda: not capi.take(made.start(finalize).wait()[0]), "end of the polls")

    @pytest.mark.parametrize("where", ["a freed queue", "no queue"])
    def test_unreachable_events_are_freed(self, capi: CApi, runtime: Any, where: str) -> None:
        with stalling_peer() as peer, completion_queue(capi) as queue:
            made = queue.connect(runtime, peer.target)
            tag = queue.tag(TAG) if where == "a freed queue" else capi.NULL
            queue.free()
            assert peer.open_connections == 1
            capi.lib.temporal_static_libs_on_client_connect(tag, made, some_bytes(capi))
            until(lambda: peer.open_connections == 0, "end of the connection")

    def test_queues_can_be_created_and_freed_repeatedly(self, capi: CApi) -> None:
        with nothing_left():
            for _ in range(300):
                queue = CompletionQueue(capi)
                queue.descriptor()
                queue.put(TAG)
                queue.free()


def events_of_each_kind(
    capi: CApi, queue: CompletionQueue, runtime: Any, server: Server
) -> Iterator[Event]:
    """Make one event of each kind that needs no server, with all fields that the kind can have."""
    override = Override(capi, server.respond)
    queue.start_connect(runtime, "http://h", identity="somebody", **override.fields)
    yield queue.take("ClientConnect")
    queue.start_connect(runtime, NOBODY)
    yield queue.take("ClientConnect")
    with connection(capi, runtime, "http://h", identity="other", **override.fields) as client:
        for rpc in ("CountWorkflowExecutions", "ListWorkflowExecutions"):
            queue.start_call(client, rpc)
            yield queue.take("ClientRpcCall")
        with worker(capi, client, "queue") as made:
            yield from _events_of_a_worker(queue, made)
    start = "temporal_core_ephemeral_server_start_test_server"
    queue.start(start, runtime, capi.NULL)
    yield queue.take("EphemeralServerStart")
    queue.start("temporal_core_ephemeral_server_shutdown", capi.NULL)
    yield queue.take("EphemeralServerShutdown")


def _events_of_a_worker(queue: CompletionQueue, made: Worker) -> Iterator[Event]:
    queue.start("temporal_core_worker_poll_activity_task", made.handle)
    made.initiate_shutdown()
    yield queue.take("WorkerPoll")
    nothing = queue.lender.bytes(b"\xff")
    queue.start("temporal_core_worker_complete_activity_task", made.handle, nothing)
    yield queue.take("Worker")
    queue.start("temporal_static_libs_worker_ask_server", made.handle)
    yield queue.take("WorkerAskServer")


def test_an_event_of_each_kind_can_be_freed_twice(
    capi: CApi, queue: CompletionQueue, runtime: Any, server: Server
) -> None:
    seen: set[str] = set()
    for event in events_of_each_kind(capi, queue, runtime, server):
        kind, tag = event.kind, event.tag
        seen |= event.fields
        event.free()
        assert event.fields & set(POINTERS) == set(), kind
        assert (event.kind, event.tag) == (kind, tag)
        event.free()
        assert event.fields & set(POINTERS) == set(), kind
    assert seen == {"connection", "success", "fail", "failure_details", "status_code"}


def test_an_event_of_zeros_can_be_freed(capi: CApi) -> None:
    event = capi.new("TemporalStaticLibsEvent")
    capi.lib.temporal_static_libs_event_free(event)
    assert bytes(capi.ffi.buffer(event)) == bytes(capi.ffi.sizeof("TemporalStaticLibsEvent"))


def test_handle_taken_from_an_event_stays_valid(
    capi: CApi, queue: CompletionQueue, client: Any
) -> None:
    queue.start_call(client, "ListWorkflowExecutions")
    event = queue.take("ClientRpcCall")
    kept = [event.keep("fail"), event.keep("failure_details")]
    event.free()
    event.free()
    assert [capi.take(it) for it in kept] == [b"no such list", b"\x08\x05"]


def test_freeing_an_event_closes_its_connection(
    capi: CApi, queue: CompletionQueue, runtime: Any
) -> None:
    with stalling_peer() as peer:
        queue.start_connect(runtime, peer.target)
        event = queue.take("ClientConnect")
        assert peer.open_connections == 1
        event.free()
        until(lambda: peer.open_connections == 0, "end of the connection")


def test_a_queue_can_be_freed_before_its_results(capi: CApi, runtime: Any, client: Any) -> None:
    with completion_queue(capi) as queue:
        queue.start_call(client, "CountWorkflowExecutions")
        event = queue.take("ClientRpcCall")
    assert CountWorkflowExecutionsResponse.FromString(event.bytes()).count == 7
    event.free()
