"""The C surface of examples/zig-bridge: starting calls and getting their results from a queue."""

from __future__ import annotations

import os
import select
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    GetSystemInfoResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.task_worker import payload
from tests.support.peers.proxy import Proxy
from tests.support.zig.bridge_surface import (
    ARGUMENT,
    CONNECT,
    CORE,
    RPC,
    SHUT_DOWN,
    TIMEOUT,
    WORKFLOW_SERVICE,
    BridgeError,
    Event,
    Surface,
    threads_of_the_core,
    wait_until_threads_of_the_core_are,
)
from tools.dev_server import DevServer

PATIENCE_SECONDS = 60


class Results:
    """A queue used like in an event loop: the descriptor signals when to take events."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._tags = 0
        self.queue: int = surface.dll.temporal_zig_queue_new()
        self.descriptor = surface.descriptor(self.queue)

    def close(self) -> None:
        os.close(self.descriptor)
        self._surface.dll.temporal_zig_queue_free(self.queue)

    def readable(self, seconds: float = PATIENCE_SECONDS) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        return bool(ready)

    def start(self, function: str, *arguments: object) -> int:
        """Start a call, and return its tag."""
        self._tags += 1
        self._surface.start(function, self.queue, self._tags, *arguments)
        return self._tags

    def start_call(
        self, bridge: int, rpc: bytes, request: bytes = b"", timeout_millis: int = 10_000
    ) -> int:
        return self.start(
            *("bridge_start_call", bridge, WORKFLOW_SERVICE, rpc),
            *(request, len(request), timeout_millis),
        )

    def next(self) -> Event:
        """Wait for an event."""
        assert self.readable()
        event = self._surface.try_next(self.queue)
        assert event is not None
        return event

    def of(self, tag: int) -> Event:
        """Wait for the next event, which must be that of this call."""
        event = self.next()
        assert event.tag == tag
        return event

    def result(self, tag: int) -> int:
        """Wait for the result of the only running call."""
        event = self.of(tag)
        assert event.error is None
        assert event.result is not None
        return event.result

    def failure(self, tag: int) -> BridgeError:
        """Wait for the failure of the only running call."""
        event = self.of(tag)
        assert event.result is None
        assert event.error is not None
        return event.error


@pytest.fixture
def results(surface: Surface) -> Iterator[Results]:
    """A queue that is empty, and must be empty at the end."""
    made = Results(surface)
    yield made
    assert not made.readable(0)
    made.close()


@contextmanager
def connected(surface: Surface, results: Results, url: str) -> Iterator[int]:
    """A bridge connected through the queue."""
    tag = results.start("bridge_start_connect", url.encode(), 10_000)
    bridge = results.result(tag)
    yield bridge
    surface.dll.temporal_zig_bridge_free(bridge)


@pytest.fixture
def task_queue() -> bytes:
    """A task queue used only by this test."""
    return f"queue-{uuid.uuid4()}".encode()


def started_workflow(task_queue: bytes) -> StartWorkflowExecutionRequest:
    request = StartWorkflowExecutionRequest(
        namespace="default", workflow_id=f"queue-{uuid.uuid4()}", request_id=f"{uuid.uuid4()}"
    )
    request.workflow_type.name = "Queue"
    request.task_queue.name = task_queue.decode()
    return request


def closing_event(workflow: StartWorkflowExecutionRequest) -> bytes:
    """Make the request that is answered when the workflow ends."""
    request = GetWorkflowExecutionHistoryRequest(
        namespace="default",
        wait_new_event=True,
        history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
    )
    request.execution.workflow_id = workflow.workflow_id
    return request.SerializeToString()


def completed(task: bytes) -> bytes:
    """Complete an activation: a start with a result, an eviction with nothing."""
    activation = WorkflowActivation.FromString(task)
    completion = WorkflowActivationCompletion(run_id=activation.run_id)
    completion.successful.SetInParent()
    for job in activation.jobs:
        if job.HasField("initialize_workflow"):
            command = completion.successful.commands.add().complete_workflow_execution
            command.result.CopyFrom(payload("done"))
    return completion.SerializeToString()


def test_a_worker_completes_a_workflow_on_one_thread(
    surface: Surface, results: Results, dev_server: DevServer, task_queue: bytes
) -> None:
    with connected(surface, results, dev_server.url) as bridge:
        tag = results.start("worker_start_new", bridge, b"default", task_queue, 10)
        worker = results.result(tag)

        workflow = started_workflow(task_queue)
        tag = results.start_call(bridge, b"StartWorkflowExecution", workflow.SerializeToString())
        StartWorkflowExecutionResponse.FromString(surface.taken(results.result(tag)))
        ended = results.start_call(
            bridge, b"GetWorkflowExecutionHistory", closing_event(workflow), 60_000
        )

        polled = results.start("worker_start_poll_workflow_activation", worker)
        completing: set[int] = set()
        history, last_poll = b"", None
        while last_poll is None or completing:
            event = results.next()
            if event.tag == ended:
                history = surface.taken(event.result)
                surface.dll.temporal_zig_worker_initiate_shutdown(worker)
            elif event.tag == polled and event.error is not None:
                last_poll = event.error
            elif event.tag == polled:
                completion = completed(surface.taken(event.result))
                completing.add(
                    results.start(
                        *("worker_start_complete_workflow_activation", worker),
                        *(completion, len(completion)),
                    )
                )
                polled = results.start("worker_start_poll_workflow_activation", worker)
            else:
                assert event == Event(event.tag, None, None)
                completing.remove(event.tag)
        assert last_poll == BridgeError(SHUT_DOWN, "polling: the worker is shut down", 0, None)
        (end,) = GetWorkflowExecutionHistoryResponse.FromString(history).history.events
        given = end.workflow_execution_completed_event_attributes.result
        assert given.payloads == [payload("done")]

        tag = results.start("worker_start_finalize_shutdown", worker)
        assert results.of(tag) == Event(tag, None, None)
        surface.dll.temporal_zig_worker_free(worker)


def test_a_hundred_calls_are_in_flight_and_each_is_answered_once(
    surface: Surface, results: Results, bridge: int
) -> None:
    tags = {results.start_call(bridge, b"GetSystemInfo") for _ in range(100)}
    events = [results.next() for _ in tags]
    assert {event.tag for event in events} == tags
    assert len({surface.taken(event.result) for event in events}) == 1


def test_a_waiting_call_does_not_delay_others(
    surface: Surface, results: Results, bridge: int, task_queue: bytes
) -> None:
    workflow = started_workflow(task_queue)
    surface.call(bridge, b"StartWorkflowExecution", workflow.SerializeToString())
    waiting = results.start_call(
        bridge, b"GetWorkflowExecutionHistory", closing_event(workflow), 2_000
    )
    tag = results.start_call(bridge, b"GetSystemInfo")
    answer = surface.taken(results.result(tag))
    assert GetSystemInfoResponse.FromString(answer).server_version != ""
    # The server's answer just before the timeout: the workflow has not ended.
    page = GetWorkflowExecutionHistoryResponse.FromString(surface.taken(results.result(waiting)))
    assert not page.history.events


def test_later_failure_is_in_its_event(
    surface: Surface, results: Results, bridge: int, task_queue: bytes
) -> None:
    assert results.failure(results.start_call(bridge, b"StartWorkflow")) == BridgeError(
        CORE, "StartWorkflow: Unknown RPC call StartWorkflow", 0, None
    )
    workflow = started_workflow(task_queue).SerializeToString()
    refused = workflow.replace(b"default", b"nowhere")
    failed = results.failure(results.start_call(bridge, b"StartWorkflowExecution", refused))
    assert (failed.kind, failed.grpc_status) == (RPC, 5)
    assert failed.grpc_details

    tag = results.start("worker_start_new", bridge, b"nowhere", task_queue, 10)
    failed = results.failure(tag)
    assert failed.kind == CORE
    assert failed.message.startswith("validating the worker: ")


def test_connecting_without_a_listener_fails_and_leaves_nothing(
    surface: Surface, results: Results
) -> None:
    before = threads_of_the_core()
    failed = results.failure(results.start("bridge_start_connect", b"http://127.0.0.1:0", 10_000))
    assert failed.kind == CONNECT
    assert failed.message.startswith("connecting to http://127.0.0.1:0: Connection failed: ")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        failed = results.failure(results.start("bridge_start_connect", url.encode(), 300))
    assert failed.kind == CONNECT
    assert " within 300 ms: " in failed.message
    wait_until_threads_of_the_core_are(before)


def test_broken_rule_fails_at_once_without_an_event(
    surface: Surface, results: Results, bridge: int
) -> None:
    queue, url = results.queue, b"http://127.0.0.1:0"
    poll, complete = (
        "worker_start_poll_workflow_activation",
        "worker_start_complete_workflow_activation",
    )
    cases: list[tuple[str, Callable[[], None]]] = [
        ("queue is NULL", lambda: surface.start("bridge_start_connect", None, 1, url, 0)),
        ("target_url is NULL", lambda: surface.start("bridge_start_connect", queue, 1, None, 0)),
        (
            "target_url is not UTF-8",
            lambda: surface.start("bridge_start_connect", queue, 1, b"\xff", 0),
        ),
        (
            "bridge is NULL",
            lambda: surface.start("bridge_start_call", queue, 1, None, 1, b"x", b"", 0, 0),
        ),
        (
            "rpc is NULL",
            lambda: surface.start("bridge_start_call", queue, 1, bridge, 1, None, b"", 0, 0),
        ),
        (
            "request is NULL, but request_size is not 0",
            lambda: surface.start("bridge_start_call", queue, 1, bridge, 1, b"x", None, 5, 0),
        ),
        (
            "bridge is NULL",
            lambda: surface.start("worker_start_new", queue, 1, None, b"n", b"q", 0),
        ),
        (
            "task_queue is NULL",
            lambda: surface.start("worker_start_new", queue, 1, bridge, b"n", None, 0),
        ),
        ("worker is NULL", lambda: surface.start(poll, queue, 1, None)),
        ("worker is NULL", lambda: surface.start(complete, queue, 1, None, b"", 0)),
        (
            "worker is NULL",
            lambda: surface.start("worker_start_finalize_shutdown", queue, 1, None),
        ),
    ]
    for reason, call in cases:
        with pytest.raises(BridgeError) as raised:
            call()
        assert raised.value == BridgeError(ARGUMENT, reason, 0, None)
    with pytest.raises(BridgeError) as raised:
        surface.descriptor(None)
    assert raised.value == BridgeError(ARGUMENT, "queue is NULL", 0, None)
    surface.dll.temporal_zig_queue_free(None)
    assert surface.dll.temporal_zig_queue_try_next(None, None) == 0
    assert surface.dll.temporal_zig_queue_try_next(queue, None) == 0


def test_only_one_poll_at_a_time_started_or_blocking(
    surface: Surface, results: Results, bridge: int, task_queue: bytes
) -> None:
    with surface.worker(bridge, task_queue.decode()) as worker:
        with pytest.raises(BridgeError) as raised:
            surface.poll(worker, timeout_millis=100)
        assert raised.value.kind == TIMEOUT
        with pytest.raises(BridgeError) as raised:
            results.start("worker_start_poll_workflow_activation", worker)
        assert raised.value == BridgeError(
            ARGUMENT, "a poll that timed out is still in flight; wait for it", 0, None
        )
        surface.shut_down_idle(worker)

    with surface.worker(bridge, task_queue.decode()) as worker:
        tag = results.start("worker_start_poll_workflow_activation", worker)
        for poll in (
            lambda: surface.poll(worker, timeout_millis=100),
            lambda: results.start("worker_start_poll_workflow_activation", worker),
        ):
            with pytest.raises(BridgeError) as raised:
                poll()
            assert raised.value == BridgeError(
                ARGUMENT,
                "another poll of this worker is running; only one can run at a time",
                0,
                None,
            )
        surface.dll.temporal_zig_worker_initiate_shutdown(worker)
        assert results.failure(tag).kind == SHUT_DOWN
        surface.finalize(worker)


def test_each_descriptor_belongs_to_the_caller_and_is_ready_while_an_event_waits(
    surface: Surface, results: Results, bridge: int
) -> None:
    other = surface.descriptor(results.queue)
    assert other >= 3
    assert other != results.descriptor
    assert os.get_inheritable(other) is False
    os.close(other)
    assert not results.readable(0)
    for _ in range(2):
        results.start_call(bridge, b"GetSystemInfo")
    for _ in range(2):
        surface.taken(results.next().result)
    assert not results.readable(0)


def test_a_call_without_an_answer_fails(surface: Surface, results: Results, proxy: Proxy) -> None:
    with connected(surface, results, proxy.url) as bridge:
        proxy.silent.set()
        failed = results.failure(results.start_call(bridge, b"GetSystemInfo", timeout_millis=500))
    assert failed.kind == RPC
    assert failed.grpc_status in (1, 4)
