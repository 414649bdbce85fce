"""The C surface of examples/zig-bridge: workers."""

from __future__ import annotations

import asyncio
import queue
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client

from tests.support.abi.task_worker import payload, value
from tests.support.peers.proxy import Proxy
from tests.support.zig.bridge_surface import (
    ARGUMENT,
    CORE,
    SHUT_DOWN,
    TIMEOUT,
    BridgeError,
    Surface,
    threads_of_the_core,
    wait_until_threads_of_the_core_are,
)
from tools.dev_server import DevServer

WORKER_IS_NULL = BridgeError(ARGUMENT, "worker is NULL", 0, None)


@pytest.fixture
def task_queue() -> str:
    """A task queue used only by this test."""
    return f"surface-{uuid.uuid4()}"


@pytest.fixture
def worker(surface: Surface, bridge: int, task_queue: str) -> Any:
    """A worker for the task queue."""
    with surface.worker(bridge, task_queue) as made:
        yield made


def start(server: DevServer, task_queue: str, argument: object) -> str:
    """Start a workflow with the official client, and return its ID."""

    async def main() -> str:
        client = await Client.connect(server.address)
        workflow_id = f"surface-{uuid.uuid4()}"
        await client.start_workflow("Surface", argument, id=workflow_id, task_queue=task_queue)
        return workflow_id

    return asyncio.run(main())


def result(server: DevServer, workflow_id: str) -> object:
    """Wait for a workflow's result with the official client."""

    async def main() -> object:
        client = await Client.connect(server.address)
        return await asyncio.wait_for(client.get_workflow_handle(workflow_id).result(), 60)

    return asyncio.run(main())


def doubled(task: bytes) -> bytes:
    """Complete an activation: a start with twice its argument, an eviction with nothing."""
    activation = WorkflowActivation.FromString(task)
    completion = WorkflowActivationCompletion(run_id=activation.run_id)
    completion.successful.SetInParent()
    for job in activation.jobs:
        if job.HasField("initialize_workflow"):
            command = completion.successful.commands.add().complete_workflow_execution
            command.result.CopyFrom(payload(value(job.initialize_workflow.arguments[0]) * 2))
    return completion.SerializeToString()


def jobs_of(task: bytes) -> list[str | None]:
    return [job.WhichOneof("variant") for job in WorkflowActivation.FromString(task).jobs]


def refused(call: Callable[[], object]) -> BridgeError:
    """Make a call that must fail, and return its error."""
    with pytest.raises(BridgeError) as raised:
        call()
    return raised.value


def serve_one(surface: Surface, worker: int, server: DevServer, task_queue: str) -> None:
    """Complete a workflow with the worker, from its start to its eviction."""
    workflow_id = start(server, task_queue, 21)
    task = surface.poll(worker)
    assert jobs_of(task) == ["initialize_workflow"]
    surface.complete(worker, doubled(task))
    assert result(server, workflow_id) == 42
    task = surface.poll(worker)
    assert jobs_of(task) == ["remove_from_cache"]
    surface.complete(worker, doubled(task))


@pytest.mark.parametrize("max_cached_workflows", [0, 10])
def test_a_workflow_is_completed_and_evicted_and_the_worker_shut_down(
    surface: Surface,
    bridge: int,
    dev_server: DevServer,
    task_queue: str,
    max_cached_workflows: int,
) -> None:
    with surface.worker(bridge, task_queue, max_cached_workflows=max_cached_workflows) as worker:
        serve_one(surface, worker, dev_server, task_queue)
        surface.dll.temporal_zig_worker_initiate_shutdown(worker)
        end = BridgeError(SHUT_DOWN, "polling: the worker is shut down", 0, None)
        assert refused(lambda: surface.poll(worker)) == end
        assert refused(lambda: surface.poll(worker)) == end, "a repeated poll had a different error"
        surface.dll.temporal_zig_worker_initiate_shutdown(worker)  # may be repeated
        surface.finalize(worker)


def test_a_failed_workflow_task_is_in_the_history_and_retried(
    surface: Surface, worker: int, dev_server: DevServer, task_queue: str
) -> None:
    async def failures() -> list[str]:
        client = await Client.connect(dev_server.address)
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        failed = (event.workflow_task_failed_event_attributes for event in history.events)
        return [attributes.failure.message for attributes in failed if attributes.identity]

    workflow_id = start(dev_server, task_queue, 3)
    run_id = WorkflowActivation.FromString(surface.poll(worker)).run_id
    completion = WorkflowActivationCompletion(run_id=run_id)
    completion.failed.failure.message = "not today"
    surface.complete(worker, completion.SerializeToString())
    assert asyncio.run(failures()) == ["not today"]

    evicted = surface.poll(worker)
    assert jobs_of(evicted) == ["remove_from_cache"]
    surface.complete(worker, doubled(evicted))
    again = surface.poll(worker)
    assert jobs_of(again) == ["initialize_workflow"]
    surface.complete(worker, doubled(again))
    assert result(dev_server, workflow_id) == 6


def test_many_workflows_with_concurrent_calls(
    surface: Surface, bridge: int, worker: int, dev_server: DevServer, task_queue: str
) -> None:
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            while (task := surface.next_task(worker)) is not None:
                surface.complete(worker, doubled(task))
        except BridgeError as error:
            failures.append(error)

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        workflows = {start(dev_server, task_queue, number): number for number in range(10)}
        for workflow_id, number in workflows.items():
            assert result(dev_server, workflow_id) == number * 2
            assert surface.call(bridge, b"GetSystemInfo") != b""
    finally:
        surface.dll.temporal_zig_worker_initiate_shutdown(worker)
        serving.join()
    assert failures == []
    surface.finalize(worker)


def test_null_and_invalid_text_are_refused(surface: Surface, bridge: int, worker: int) -> None:
    for reason, call in (
        ("bridge is NULL", lambda: surface.new_worker(None, b"queue")),
        ("task_queue is NULL", lambda: surface.new_worker(bridge, None)),
        ("task_queue is not UTF-8", lambda: surface.new_worker(bridge, b"\xff")),
        ("namespace_name is NULL", lambda: surface.new_worker(bridge, b"q", namespace=None)),
        (
            "namespace_name is not UTF-8",
            lambda: surface.new_worker(bridge, b"q", namespace=b"\xc0"),
        ),
        ("worker is NULL", lambda: surface.poll(None)),
        ("worker is NULL", lambda: surface.complete(None, b"")),
        ("worker is NULL", lambda: surface.finalize(None)),
        (
            "completion is NULL, but completion_size is not 0",
            lambda: surface.complete(worker, None, size=5),
        ),
    ):
        assert refused(call) == BridgeError(ARGUMENT, reason, 0, None)
    surface.dll.temporal_zig_worker_initiate_shutdown(None)
    surface.dll.temporal_zig_worker_free(None)
    surface.shut_down_idle(worker)


def test_error_arguments_are_optional(surface: Surface, bridge: int, worker: int) -> None:
    dll = surface.dll
    assert dll.temporal_zig_worker_new(bridge, b"default", b"", 10, 1000, None) is None
    assert dll.temporal_zig_worker_complete_workflow_activation(worker, b"\xff", 1, 0, None) == 0
    dll.temporal_zig_worker_initiate_shutdown(worker)
    assert dll.temporal_zig_worker_poll_workflow_activation(worker, 0, None) is None
    assert dll.temporal_zig_worker_finalize_shutdown(worker, 0, None) == 1
    assert dll.temporal_zig_worker_finalize_shutdown(worker, 0, None) == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param(
            {"task_queue": b""}, "making a worker: Invalid options: task_queue is empty", id="queue"
        ),
        pytest.param(
            {"namespace": b""},
            "making a worker: Invalid options: namespace_ is empty",
            id="no namespace",
        ),
        pytest.param(
            {"max_cached_workflows": 2**32 - 1},
            "making a worker: Invalid options: max_cached_workflows must be at most ",
            id="cache",
        ),
        pytest.param(
            {"namespace": b"nowhere"},
            "validating the worker: Worker validation failed: Namespace nowhere",
            id="unknown namespace",
        ),
    ],
)
def test_invalid_worker_options_are_refused(
    surface: Surface, bridge: int, options: dict[str, Any], reason: str
) -> None:
    error = refused(lambda: surface.new_worker(bridge, **{"task_queue": b"queue", **options}))
    assert error.kind == CORE
    assert error.message.startswith(reason)


def test_a_second_worker_for_a_task_queue_is_refused(
    surface: Surface, bridge: int, worker: int, task_queue: str
) -> None:
    error = refused(lambda: surface.new_worker(bridge, task_queue.encode()))
    assert error.kind == CORE
    assert error.message.startswith("making a worker: Worker start failed: ")
    surface.shut_down_idle(worker)
    with surface.worker(bridge, task_queue) as second:
        surface.shut_down_idle(second)


def test_a_poll_that_times_out_loses_no_task(
    surface: Surface, worker: int, dev_server: DevServer, task_queue: str
) -> None:
    nothing = BridgeError(TIMEOUT, "polling: no workflow activation within 200 ms", 0, None)
    assert refused(lambda: surface.poll(worker, timeout_millis=200)) == nothing
    assert refused(lambda: surface.poll(worker, timeout_millis=200)) == nothing
    serve_one(surface, worker, dev_server, task_queue)
    surface.shut_down_idle(worker)


def test_only_one_thread_polls_at_a_time(surface: Surface, worker: int) -> None:
    ends: queue.Queue[BridgeError] = queue.Queue()
    polling = [
        threading.Thread(target=lambda: ends.put(refused(lambda: surface.poll(worker, 0))))
        for _ in range(2)
    ]
    for thread in polling:
        thread.start()
    # The second poll fails, because the first one waits for a task and none comes.
    assert ends.get(timeout=60) == BridgeError(
        ARGUMENT, "another poll of this worker is running; only one can run at a time", 0, None
    )
    surface.dll.temporal_zig_worker_initiate_shutdown(worker)
    assert ends.get(timeout=60).kind == SHUT_DOWN
    for thread in polling:
        thread.join()
    surface.finalize(worker)


def test_after_an_invalid_completion_the_task_can_still_be_completed(
    surface: Surface, worker: int, dev_server: DevServer, task_queue: str
) -> None:
    workflow_id = start(dev_server, task_queue, "ab")
    task = surface.poll(worker)
    error = refused(lambda: surface.complete(worker, b"\xff"))
    assert error.kind == CORE
    assert error.message.startswith(
        "completing a workflow activation: Workflow task decode failure: "
    )
    surface.complete(worker, doubled(task))
    assert result(dev_server, workflow_id) == "abab"


def test_a_worker_with_a_task_cannot_be_finalized_yet(
    surface: Surface, worker: int, dev_server: DevServer, task_queue: str
) -> None:
    workflow_id = start(dev_server, task_queue, 1)
    task: bytes | None = surface.poll(worker)
    surface.dll.temporal_zig_worker_initiate_shutdown(worker)
    error = refused(lambda: surface.finalize(worker))
    assert error.kind == CORE
    assert error.message.startswith("finalizing the shutdown: Cannot finalize, ")
    while task is not None:
        surface.complete(worker, doubled(task))
        task = surface.next_task(worker)
    assert result(dev_server, workflow_id) == 2
    surface.finalize(worker)


def test_a_finalized_worker_can_only_be_freed(surface: Surface, worker: int) -> None:
    surface.shut_down_idle(worker)
    for call in (
        lambda: surface.poll(worker),
        lambda: surface.complete(worker, b""),
        lambda: surface.finalize(worker),
    ):
        error = refused(call)
        assert error.kind == CORE
        assert "finalized" in error.message
    surface.dll.temporal_zig_worker_initiate_shutdown(worker)


def test_a_worker_freed_early_gives_its_task_to_another(
    surface: Surface, bridge: int, dev_server: DevServer, task_queue: str
) -> None:
    with surface.worker(bridge, task_queue) as first:
        workflow_id = start(dev_server, task_queue, 4)
        assert jobs_of(surface.poll(first)) == ["initialize_workflow"]
        # A poll is also in flight when the worker is freed.
        assert refused(lambda: surface.poll(first, timeout_millis=100)).kind == TIMEOUT
    with surface.worker(bridge, task_queue) as second:
        surface.complete(second, doubled(surface.poll(second)))
        assert result(dev_server, workflow_id) == 8


def test_a_worker_outlives_its_bridge(
    surface: Surface, dev_server: DevServer, task_queue: str
) -> None:
    before = threads_of_the_core()
    with surface.connected(dev_server.url) as bridge:
        worker = surface.new_worker(bridge, task_queue.encode())
    serve_one(surface, worker, dev_server, task_queue)
    surface.shut_down_idle(worker)
    surface.dll.temporal_zig_worker_free(worker)
    wait_until_threads_of_the_core_are(before)


def test_an_abandoned_validation_is_cleaned_up_when_it_ends(
    surface: Surface, proxy: Proxy, task_queue: str
) -> None:
    before = threads_of_the_core()
    with surface.connected(proxy.url) as bridge:
        proxy.silent.set()
        error = refused(lambda: surface.new_worker(bridge, task_queue.encode(), timeout_millis=300))
    assert error == BridgeError(TIMEOUT, "validating the worker: not done within 300 ms", 0, None)
    wait_until_threads_of_the_core_are(before)


def test_an_abandoned_completion_is_cleaned_up_when_it_ends(
    surface: Surface, proxy: Proxy, dev_server: DevServer, task_queue: str
) -> None:
    before = threads_of_the_core()
    with surface.connected(proxy.url) as bridge, surface.worker(bridge, task_queue) as worker:
        start(dev_server, task_queue, 1)
        task = surface.poll(worker)
        proxy.silent.set()
        error = refused(lambda: surface.complete(worker, doubled(task), timeout_millis=300))
    assert error == BridgeError(
        TIMEOUT, "completing a workflow activation: not done within 300 ms", 0, None
    )
    proxy.close()
    wait_until_threads_of_the_core_are(before)
