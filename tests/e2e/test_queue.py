"""Completion queues with a real server, and servers started through a queue."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
)
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.capi import CApi
from tests.support.abi.completion_queue import CompletionQueue, Event, completion_queue
from tests.support.abi.ephemeral_server import (
    EXECUTABLE,
    command_lines,
    dev_server_options,
    ended,
    free_port,
    only_process,
)
from tests.support.abi.worker import KINDS, new_worker, worker_options
from tests.support.programs.waiting import until
from tools.dev_server import DevServer

NOT_FOUND = 5
START = "temporal_core_ephemeral_server_start_dev_server"
SHUTDOWN = "temporal_core_ephemeral_server_shutdown"


class Host:
    """Runs a workflow from start to end on one thread with one queue."""

    POLL, COMPLETED, DONE = 1, 2, 3

    def __init__(self, queue: CompletionQueue, runtime: Any, dev_server: DevServer) -> None:
        self.api, self.queue = queue.api, queue
        self.client = queue.connect(runtime, dev_server.url, identity="under-test")
        self.task_queue = f"queue-{uuid.uuid4()}"

    def rpc(self, name: str, request: Any) -> bytes:
        self.queue.start_call(self.client, name, self.DONE, request=request.SerializeToString())
        event = self.queue.take("ClientRpcCall")
        assert event.fields <= {"success"}, event.text()
        response = event.bytes()
        event.free()
        return response

    def start_workflow(self) -> WorkflowExecution:
        execution = WorkflowExecution(workflow_id=f"workflow-{self.task_queue}")
        request = StartWorkflowExecutionRequest(
            namespace="default",
            workflow_id=execution.workflow_id,
            workflow_type=WorkflowType(name="a-type"),
            task_queue=TaskQueue(name=self.task_queue),
            request_id=str(uuid.uuid4()),
        )
        self.rpc("StartWorkflowExecution", request)
        return execution

    def status(self, execution: WorkflowExecution) -> int:
        request = DescribeWorkflowExecutionRequest(namespace="default", execution=execution)
        response = self.rpc("DescribeWorkflowExecution", request)
        described = DescribeWorkflowExecutionResponse.FromString(response)
        return described.workflow_execution_info.status

    def done(self, function: str, *arguments: Any) -> None:
        """Make a call without a result, and wait for it."""
        self.queue.start(function, *arguments, tag=self.DONE)
        event = self.queue.take("Worker")
        assert (event.tag, event.fields) == (self.DONE, set())

    def activate(self, worker: Any, event: Event) -> bool:
        """Complete an activation; return whether it was something other than an eviction."""
        activation = WorkflowActivation.FromString(event.bytes())
        event.free()
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        evicted = activation.jobs[0].HasField("remove_from_cache")
        if not evicted:
            completion.successful.commands.add().complete_workflow_execution.SetInParent()
        lent = self.queue.lender.bytes(completion.SerializeToString())
        self.done("temporal_core_worker_complete_workflow_activation", worker, lent)
        return not evicted

    def poll(self, worker: Any, kind: str) -> Event:
        self.queue.start(f"temporal_core_worker_poll_{kind}", worker, tag=self.POLL)
        event = self.queue.take("WorkerPoll")
        assert event.tag == self.POLL
        return event


def test_one_thread_runs_a_workflow(
    capi: CApi, queue: CompletionQueue, runtime: Any, dev_server: DevServer
) -> None:
    host = Host(queue, runtime, dev_server)
    execution = host.start_workflow()
    worker = new_worker(capi, host.client, worker_options(capi, queue.lender, host.task_queue))
    host.done("temporal_core_worker_validate", worker.handle)
    event = host.poll(worker.handle, "workflow_activation")
    assert event.fields == {"success"}
    assert host.activate(worker.handle, event)
    assert host.status(execution) == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED

    queue.start("temporal_static_libs_worker_ask_server", worker.handle, tag=host.DONE)
    event = queue.take("WorkerAskServer")
    assert event.fields == {"success"}, event.text()
    said = json.loads(event.bytes())
    event.free()
    assert said["task_queue"] == host.task_queue
    assert "under-test" in [poller["identity"] for poller in said["workflow"]["pollers"]]

    worker.initiate_shutdown()
    for kind in KINDS:
        while (event := host.poll(worker.handle, kind)).fields:
            assert not host.activate(worker.handle, event)
    host.done("temporal_core_worker_finalize_shutdown", worker.handle)
    worker.free()
    capi.lib.temporal_core_client_free(host.client)
    assert queue.try_next() is None


def test_refusal_of_the_server_has_status_and_details(
    capi: CApi, queue: CompletionQueue, runtime: Any, dev_server: DevServer
) -> None:
    client = queue.connect(runtime, dev_server.url)
    request = DescribeNamespaceRequest(namespace="nowhere").SerializeToString()
    queue.start_call(client, "DescribeNamespace", 7, request=request)
    event = queue.take("ClientRpcCall")
    assert (event.tag, event.fields) == (7, {"status_code", "fail", "failure_details"})
    assert event.struct.status_code == NOT_FOUND
    assert "nowhere" in event.text()
    (detail,) = Status.FromString(event.bytes("failure_details")).details
    failure = NamespaceNotFoundFailure()
    assert detail.Unpack(failure)
    assert failure.namespace == "nowhere"
    event.free()
    capi.lib.temporal_core_client_free(client)


def test_a_worker_of_an_unknown_namespace_is_not_valid(
    capi: CApi, queue: CompletionQueue, runtime: Any, dev_server: DevServer
) -> None:
    client = queue.connect(runtime, dev_server.url, identity="under-test")
    options = worker_options(capi, queue.lender, "queue", namespace_="nowhere")
    worker = new_worker(capi, client, options)
    queue.start("temporal_core_worker_validate", worker.handle)
    event = queue.take("Worker")
    assert event.fields == {"fail"}
    assert event.text().startswith("Worker validation failed: ")
    event.free()
    worker.free()
    capi.lib.temporal_core_client_free(client)


class TestServers:
    """Servers started through a queue, each with a port that identifies its process."""

    @pytest.fixture
    def port(self) -> int:
        return free_port()

    def start(self, queue: CompletionQueue, runtime: Any, port: int) -> None:
        options = dev_server_options(
            queue.api, queue.lender, existing_path=str(EXECUTABLE), port=port
        )
        queue.start(START, runtime, options, tag=port)

    def test_one_starts_serves_and_shuts_down(
        self, capi: CApi, queue: CompletionQueue, runtime: Any, port: int
    ) -> None:
        self.start(queue, runtime, port)
        event = queue.take("EphemeralServerStart")
        assert event.tag == port
        assert event.fields == {"server", "success"}
        assert event.text("success") == f"127.0.0.1:{port}"
        server = event.keep("server")
        event.free()
        client = queue.connect(runtime, f"http://127.0.0.1:{port}")
        capi.lib.temporal_core_client_free(client)
        process, _ = only_process(port)
        queue.start(SHUTDOWN, server, tag=port)
        event = queue.take("EphemeralServerShutdown")
        assert (event.tag, event.fields) == (port, set())
        assert ended(process)
        capi.lib.temporal_core_ephemeral_server_free(server)

    def test_freeing_its_event_kills_it(
        self, queue: CompletionQueue, runtime: Any, port: int
    ) -> None:
        self.start(queue, runtime, port)
        event = queue.take("EphemeralServerStart")
        process, _ = only_process(port)
        event.free()
        until(lambda: ended(process), "end of the process")
        event.free()

    def test_freeing_the_queue_kills_one_that_waits_there(
        self, capi: CApi, runtime: Any, port: int
    ) -> None:
        with completion_queue(capi) as queue:
            self.start(queue, runtime, port)
            queue.wait_until_readable()
            process, _ = only_process(port)
        until(lambda: ended(process), "end of the process")

    def test_one_that_serves_after_the_queue_was_freed_is_killed(
        self, capi: CApi, runtime: Any, port: int
    ) -> None:
        with completion_queue(capi) as queue:
            self.start(queue, runtime, port)
            until(lambda: command_lines(port), "process")
        until(lambda: not command_lines(port), "end of the process")
