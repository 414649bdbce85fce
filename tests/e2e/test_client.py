"""RPC calls on a real server, checked with the official client."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.errordetails.v1 import (
    NamespaceNotFoundFailure,
    WorkflowExecutionAlreadyStartedFailure,
)
from temporalio.api.operatorservice.v1 import (
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetSystemInfoResponse,
    PollWorkflowTaskQueueRequest,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)
from temporalio.bridge.proto.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from temporalio.client import Client, WorkflowExecutionDescription

from tests.support.abi.capi import CApi
from tests.support.abi.rpc import Outcome, call, connection, outcome, start_call
from tests.support.peers.proxy import Proxy
from tools.dev_server import DevServer

CANCELLED, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS = 1, 4, 5, 6
"""gRPC status codes."""


def success(ended: Outcome) -> bytes:
    assert ended.success is not None, ended
    return ended.success


def start_request(workflow_id: str) -> bytes:
    return StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=workflow_id,
        workflow_type=WorkflowType(name="a-type"),
        task_queue=TaskQueue(name=f"queue-{workflow_id}"),
        request_id=str(uuid.uuid4()),
    ).SerializeToString()


def poll_request() -> bytes:
    """A long poll without an answer, because no workflow runs on its task queue."""
    return PollWorkflowTaskQueueRequest(
        namespace="default", task_queue=TaskQueue(name=str(uuid.uuid4())), identity="under-test"
    ).SerializeToString()


def details_of(ended: Outcome, kind: type[Any]) -> Any:
    """Unpack the only detail of the server's refusal."""
    assert ended.details is not None
    (packed,) = Status.FromString(ended.details).details
    detail = kind()
    assert packed.Unpack(detail)
    return detail


def test_the_system_information_comes_from_the_server(capi: CApi, client: Any) -> None:
    ended = call(capi, client, "GetSystemInfo")
    information = GetSystemInfoResponse.FromString(success(ended))
    assert information.server_version
    assert information.capabilities.encoded_failure_attributes


def test_the_official_client_reads_the_started_workflow(
    capi: CApi, client: Any, dev_server: DevServer
) -> None:
    workflow_id = str(uuid.uuid4())
    ended = call(capi, client, "StartWorkflowExecution", start_request(workflow_id))
    run_id = StartWorkflowExecutionResponse.FromString(success(ended)).run_id

    async def describe() -> WorkflowExecutionDescription:
        official = await Client.connect(dev_server.address)
        return await official.get_workflow_handle(workflow_id, run_id=run_id).describe()

    described = asyncio.run(describe())
    assert (described.id, described.run_id) == (workflow_id, run_id)
    assert described.workflow_type == "a-type"


def test_the_started_workflow_is_read_back(capi: CApi, client: Any) -> None:
    workflow_id = str(uuid.uuid4())
    call(capi, client, "StartWorkflowExecution", start_request(workflow_id))
    request = DescribeWorkflowExecutionRequest(
        namespace="default", execution=WorkflowExecution(workflow_id=workflow_id)
    )
    ended = call(capi, client, "DescribeWorkflowExecution", request.SerializeToString())
    described = DescribeWorkflowExecutionResponse.FromString(success(ended))
    assert described.workflow_execution_info.execution.workflow_id == workflow_id


def test_operator_and_health_services_answer(capi: CApi, client: Any) -> None:
    request = ListSearchAttributesRequest(namespace="default").SerializeToString()
    ended = call(capi, client, "ListSearchAttributes", request, service="Operator")
    assert ListSearchAttributesResponse.FromString(success(ended)).system_attributes
    request = HealthCheckRequest(
        service="temporal.api.workflowservice.v1.WorkflowService"
    ).SerializeToString()
    ended = call(capi, client, "Check", request, service="Health")
    health = HealthCheckResponse.FromString(success(ended))
    assert health.status == HealthCheckResponse.ServingStatus.SERVING


@pytest.mark.parametrize("retry", [False, True])
def test_a_refusal_carries_status_and_details(capi: CApi, client: Any, retry: bool) -> None:
    request = CountWorkflowExecutionsRequest(namespace="no-such-namespace").SerializeToString()
    ended = call(capi, client, "CountWorkflowExecutions", request, retry=retry)
    assert ended.status == NOT_FOUND
    assert details_of(ended, NamespaceNotFoundFailure).namespace == "no-such-namespace"


def test_a_workflow_id_in_use_is_refused_with_its_run(capi: CApi, client: Any) -> None:
    workflow_id = str(uuid.uuid4())
    first = call(capi, client, "StartWorkflowExecution", start_request(workflow_id))
    second = call(capi, client, "StartWorkflowExecution", start_request(workflow_id))
    assert second.status == ALREADY_EXISTS
    refusal = details_of(second, WorkflowExecutionAlreadyStartedFailure)
    assert refusal.run_id == StartWorkflowExecutionResponse.FromString(success(first)).run_id


@pytest.mark.parametrize("retry", [False, True])
def test_a_call_that_times_out_ends_with_the_transport_s_status(
    capi: CApi, proxy: Proxy, retry: bool
) -> None:
    with capi.runtime() as runtime, connection(capi, runtime, proxy.url) as through_proxy:
        proxy.silent.set()
        began = time.monotonic()
        ended = call(capi, through_proxy, "GetSystemInfo", timeout_millis=300, retry=retry)
        # The first comes from the client's timer, the second from a server that answers in time.
        assert ended.status in {CANCELLED, DEADLINE_EXCEEDED}, ended
        assert ended.message == "Timeout expired"
        assert 0.2 < time.monotonic() - began < 20


def test_a_cancelled_long_poll_ends_at_once(capi: CApi, client: Any) -> None:
    token = capi.lib.temporal_core_cancellation_token_new()
    answer = start_call(capi, client, "PollWorkflowTaskQueue", poll_request(), token=token)
    time.sleep(0.5)
    assert not answer.answered_again(), "the poll must still be waiting"
    began = time.monotonic()
    capi.lib.temporal_core_cancellation_token_cancel(token)
    ended = outcome(capi, answer)
    capi.lib.temporal_core_cancellation_token_free(token)
    assert (ended.status, ended.message) == (0, "Cancelled")
    assert time.monotonic() - began < 10
