"""The state of a worker that gets no tasks, as reported by the worker and its server."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from google.protobuf.message import Message
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.nexus.v1 import Response as NexusResponse
from temporalio.api.nexus.v1 import StartOperationResponse
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceResponse,
    DescribeTaskQueueResponse,
    RecordWorkerHeartbeatRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.nexus import NexusTask, NexusTaskCompletion
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.capi import Answer, CApi, Lender
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.replayer import replayer
from tests.support.abi.rpc import call, connection
from tests.support.abi.slot_supplier import CustomSupplier
from tests.support.abi.task_worker import payload, seconds
from tests.support.abi.worker import (
    Worker,
    WorkerError,
    autoscaling,
    fixed_size,
    resource_based,
    worker,
)
from tests.support.programs.waiting import until
from tools.dev_server import DevServer

State = dict[str, Any]
"""A worker's state, or its server's report."""

IDENTITY = "under test"
EVERY_TYPE = {
    f"enable_{kind}": True
    for kind in ("workflows", "local_activities", "remote_activities", "nexus")
}
WORKFLOWS_ONLY = {"enable_workflows": True}
POLL = {"workflow": "workflow_activation", "activity": "activity_task", "nexus": "nexus_task"}
"""Kinds of tasks: their names in the state and in calls."""


def deployment(lender: Lender, name: str, build_id: str, *, versioned: bool = True) -> Any:
    """Return a deployment-based versioning strategy."""
    version = {"deployment_name": lender.bytes(name), "build_id": lender.bytes(build_id)}
    based = {"version": version, "use_worker_versioning": versioned}
    if versioned:
        based["default_versioning_behavior"] = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
    return {"tag": 1, "deployment_based": based}


class Host:
    """A worker that the test polls, and its state, which is checked against the schema each time.

    Attributes:
        worker: the worker.
    """

    def __init__(self, made: Worker, schemas: dict[str, Any]) -> None:
        self.worker = made
        self._schemas = schemas
        self._polls: list[Answer] = []

    def state(self) -> State:
        """Return the state."""
        state = self.worker.state()
        jsonschema.validate(state, self._schemas["state"])
        return state

    def ask_server(self) -> State:
        """Return the server's report."""
        said = self.worker.ask_server()
        jsonschema.validate(said, self._schemas["server"])
        return said

    def poll(self, kind: str) -> Answer:
        """Start a poll for a kind of tasks."""
        self._polls.append(self.worker.poll(POLL[kind]))
        return self._polls[-1]

    def task(self, poll: Answer) -> bytes | None:
        """Wait for a poll's task; None if there will be none. Raises `WorkerError`."""
        self._polls.remove(poll)
        return self.worker.polled(poll)

    def activation(self, poll: Answer | None = None) -> WorkflowActivation:
        """Wait for a workflow's activation from this poll or a new one."""
        task = self.task(poll or self.poll("workflow"))
        assert task is not None
        return WorkflowActivation.FromString(task)

    def next_run(self, poll: Answer) -> WorkflowActivation:
        """Wait for an activation, and complete evictions that come first."""
        activation = self.activation(poll)
        while activation.jobs[0].WhichOneof("variant") == "remove_from_cache":
            self.complete(activation)
            activation = self.activation()
        return activation

    def complete(self, activation: WorkflowActivation, *commands: dict[str, Any]) -> None:
        """Complete an activation."""
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        for command in commands:
            completion.successful.commands.add(**command)
        done = self.worker.complete("workflow_activation", completion.SerializeToString())
        self.worker.done(done)

    def finish(self, activation: WorkflowActivation) -> None:
        """Complete an activation, and the workflow with it."""
        self.complete(activation, {"complete_workflow_execution": {"result": payload(None)}})

    def complete_activity(self, task: ActivityTask) -> None:
        """Complete an activity."""
        completion = ActivityTaskCompletion(task_token=task.task_token)
        completion.result.completed.result.CopyFrom(payload(None))
        self.worker.done(self.worker.complete("activity_task", completion.SerializeToString()))

    def end(self) -> None:
        """Free the worker, and wait for the remaining polls."""
        self.worker.free()
        for poll in self._polls:
            success, fail = poll.wait()
            self.worker.api.take(success)
            self.worker.api.take(fail)


@pytest.fixture(scope="module")
def schemas(package_dir: Path) -> dict[str, Any]:
    """The schemas in the package."""
    found = {}
    for name in ("state", "server"):
        file = package_dir / "share" / f"worker-{name}.schema.json"
        found[name] = json.loads(file.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(found[name])
    return found


@pytest.fixture(scope="module")
def client(capi: CApi, dev_server: DevServer) -> Iterator[Any]:
    """A connection to the server."""
    with (
        capi.runtime() as runtime,
        connection(capi, runtime, dev_server.url, identity=IDENTITY) as made,
    ):
        yield made


@pytest.fixture
def task_queue() -> str:
    """A task queue used only by this test."""
    return f"queue-{uuid.uuid4()}"


Hosts = Callable[..., Any]
"""Makes a `Host` from a task queue and options for its worker."""


@pytest.fixture
def host(capi: CApi, client: Any, schemas: dict[str, Any]) -> Hosts:
    """A function that makes hosts of workers on the server."""

    @contextmanager
    def made(task_queue: str, **fields: Any) -> Iterator[Host]:
        with worker(capi, fields.pop("client", client), task_queue, **fields) as new:
            new_host = Host(new, schemas)
            try:
                yield new_host
            finally:
                new_host.end()

    return made


@pytest.fixture
def start(capi: CApi, client: Any) -> Callable[[str], None]:
    """A function that starts a workflow on a task queue."""

    def started(task_queue: str) -> None:
        request = StartWorkflowExecutionRequest(
            namespace="default", workflow_id=f"workflow-{uuid.uuid4()}", request_id="once"
        )
        request.workflow_type.name = "W"
        request.task_queue.name = task_queue
        # Longer than a test, so that a task that is not completed is not sent again.
        request.workflow_task_timeout.FromSeconds(120)
        ask(capi, client, "StartWorkflowExecution", request)

    return started


Start = Callable[[str], None]


def ask(capi: CApi, client: Any, rpc: str, request: Message, **options: Any) -> bytes:
    """Call an RPC, which must succeed."""
    ended = call(capi, client, rpc, request.SerializeToString(), **options)
    assert ended.success is not None, ended.message
    return ended.success


def create_endpoint(capi: CApi, client: Any, task_queue: str) -> str:
    """Create a Nexus endpoint whose operations go to a task queue, and return its name."""
    request = CreateNexusEndpointRequest()
    request.spec.name = f"endpoint-{uuid.uuid4()}"
    request.spec.target.worker.namespace = "default"
    request.spec.target.worker.task_queue = task_queue
    ask(capi, client, "CreateNexusEndpoint", request, service="Operator")
    return request.spec.name


def wait_for_backlog(host: Host) -> None:
    """Wait until the server counts one unassigned workflow task. It counts every 5 seconds."""

    def count() -> int:
        return int(host.ask_server()["workflow"]["backlog"]["approximate_count"])

    until(lambda: count() == 1, "backlog")


def pollers(said: State, kind: str = "workflow") -> list[str]:
    """List the pollers that the server reports."""
    return [poller["identity"] for poller in said[kind]["pollers"]]


def expect_waiting_poll(kind: State) -> None:
    """Check that the host's only poll for a kind waits, and that the worker has a slot for it."""
    assert kind["enabled"]
    assert kind["polls"]["waiting"] == 1
    assert kind["slots"]["normal"]["reserved"] > 0
    assert kind["slots"]["normal"]["used"] == 0
    assert kind["tasks"]["handed_out"] == 0


# --- states ---


def test_state_of_a_new_worker_matches_its_options(
    capi: CApi, host: Hosts, task_queue: str
) -> None:
    lender = capi.lend()
    custom = CustomSupplier(capi)
    with host(
        task_queue,
        identity_override="worker's öwn",
        max_cached_workflows=7,
        task_types={"enable_workflows": True, "enable_local_activities": True},
        versioning_strategy=deployment(lender, "deplöyment", "build", versioned=False),
        suppliers={
            "workflow": fixed_size(3),
            "activity": resource_based(maximum=9),
            "local_activity": custom.supplier,
        },
    ) as made:
        state = made.state()
    kinds = {kind: state.pop(kind) for kind in ("workflow", "activity", "local_activity", "nexus")}
    assert state == {
        "namespace": "default",
        "task_queue": task_queue,
        "identity": "worker's öwn",
        "versioning": {
            "strategy": "deployment",
            "deployment_name": "deplöyment",
            "build_id": "build",
            "use_worker_versioning": False,
        },
        "is_replayer": False,
        "shutdown_requested": False,
        "finalized": False,
        "max_cached_workflows": 7,
        "cached_workflows": 0,
    }
    of_kinds = {
        kind: (it["enabled"], it["slots"]["supplier"], it["slots"]["limit"])
        for kind, it in kinds.items()
    }
    assert of_kinds == {
        "workflow": (True, "Fixed", 3),
        "activity": (False, "ResourceBased", 9),
        "local_activity": (True, "Custom", None),
        "nexus": (False, "Fixed", 100),
    }
    for it in kinds.values():
        assert it["polls"] == {"waiting": 0, "longest_millis": None}
        assert it["tasks"] == {
            "handed_out": 0,
            "not_completed": 0,
            "last_handed_out_unix_millis": None,
        }
        none = {"reserved": 0, "used": 0}
        assert (it["slots"]["normal"], it["slots"]["sticky"]) == (none, none)
        assert it["slots"]["waiting"] == []
        assert it["slots"]["held_back_by_cache_millis"] is None


@pytest.mark.parametrize(
    ("tag", "member", "strategy"),
    [(0, "none", "none"), (2, "legacy_build_id_based", "legacy-build-id")],
)
def test_state_has_the_build_id_even_without_a_deployment(
    capi: CApi, host: Hosts, task_queue: str, tag: int, member: str, strategy: str
) -> None:
    lender = capi.lend()
    given = {"tag": tag, member: {"build_id": lender.bytes("build-7")}}
    with host(task_queue, versioning_strategy=given) as made:
        assert made.state()["versioning"] == {"strategy": strategy, "build_id": "build-7"}


def test_state_lists_polls_until_they_end(host: Hosts, task_queue: str) -> None:
    with host(task_queue, task_types=EVERY_TYPE) as made:
        polls = {kind: made.poll(kind) for kind in POLL}
        until(lambda: made.state()["nexus"]["slots"]["normal"]["reserved"], "reservation")
        until(lambda: pollers(made.ask_server(), "nexus"), "poll")
        before = made.state()
        assert {before[kind]["polls"]["waiting"] for kind in POLL} == {1}
        assert before["local_activity"]["polls"] == before["activity"]["polls"]

        def longest() -> int:
            state = made.state()
            return min(int(state[kind]["polls"]["longest_millis"]) for kind in POLL)

        until(lambda: longest() > before["nexus"]["polls"]["longest_millis"], "later")
        made.worker.initiate_shutdown()
        state = made.state()
        assert (state["shutdown_requested"], state["finalized"]) == (True, False)
        assert {kind: made.task(poll) for kind, poll in polls.items()} == dict.fromkeys(POLL)
        assert {made.state()[kind]["polls"]["waiting"] for kind in POLL} == {0}
        made.worker.finalize()
        state = made.state()
        assert (state["shutdown_requested"], state["finalized"]) == (True, True)
        with pytest.raises(WorkerError, match=r"^The worker is finalized$"):
            made.ask_server()


def test_state_lists_tasks_of_each_kind_until_they_are_completed(
    capi: CApi, client: Any, host: Hosts, start: Start, task_queue: str
) -> None:
    began = time.time() * 1000
    endpoint = create_endpoint(capi, client, task_queue)
    start(task_queue)
    with host(task_queue, task_types=EVERY_TYPE) as made:
        activation = made.activation()
        kinds = ("workflow", "activity", "local_activity", "nexus")

        def open_tasks() -> list[int]:
            state = made.state()
            return [state[kind]["tasks"]["not_completed"] for kind in kinds]

        def used() -> list[int]:
            state = made.state()
            slots = [state[kind]["slots"] for kind in kinds]
            return [it["normal"]["used"] + it["sticky"]["used"] for it in slots]

        assert (open_tasks(), used()) == ([1, 0, 0, 0], [1, 0, 0, 0])
        assert made.state()["cached_workflows"] == 1
        timeouts = {"start_to_close_timeout": seconds(30)}
        remote = {"seq": 1, "activity_id": "1", "activity_type": "A", "task_queue": task_queue}
        local = {"seq": 2, "activity_id": "2", "activity_type": "L"}
        operation = {"seq": 3, "endpoint": endpoint, "service": "S", "operation": "O"}
        made.complete(
            activation,
            {"schedule_activity": {**remote, **timeouts}},
            {"schedule_local_activity": {**local, **timeouts}},
            {"schedule_nexus_operation": {**operation, "schedule_to_close_timeout": seconds(30)}},
        )
        # The local activity comes at once, and the worker keeps the workflow's task.
        first = ActivityTask.FromString(made.task(made.poll("activity")) or b"")
        assert first.start.is_local
        assert (open_tasks(), used()) == ([0, 0, 1, 0], [1, 0, 1, 0])
        made.complete_activity(first)
        made.complete(made.activation())
        second = ActivityTask.FromString(made.task(made.poll("activity")) or b"")
        nexus = NexusTask.FromString(made.task(made.poll("nexus")) or b"").task
        assert open_tasks()[1:] == [1, 0, 1]
        assert used()[1:] == [1, 0, 1]
        state = made.state()
        assert state["activity"]["tasks"]["handed_out"] == 2, "polls for activities give both"
        for kind in kinds:
            last = state[kind]["tasks"]["last_handed_out_unix_millis"]
            assert began <= last <= time.time() * 1000
        made.complete_activity(second)
        answer = StartOperationResponse(
            sync_success=StartOperationResponse.Sync(payload=payload(None))
        )
        completion = NexusTaskCompletion(
            task_token=nexus.task_token, completed=NexusResponse(start_operation=answer)
        )
        done = made.worker.complete("nexus_task", completion.SerializeToString())
        made.worker.done(done)
        assert open_tasks()[1:] == [0, 0, 0]
        until(lambda: used()[1:] == [0, 0, 0], "slot that is free")
        activation = made.activation()
        ended = {"resolve_activity", "resolve_nexus_operation"}
        while ended := ended - {job.WhichOneof("variant") for job in activation.jobs}:
            made.complete(activation)
            activation = made.activation()
        made.finish(activation)
        made.complete(made.activation())  # the eviction
        assert (open_tasks(), made.state()["cached_workflows"]) == ([0, 0, 0, 0], 0)
        until(lambda: used() == [0, 0, 0, 0], "slot that is free")


def test_a_replayer_has_a_state_and_no_server_to_ask(capi: CApi, schemas: dict[str, Any]) -> None:
    with capi.runtime() as runtime, replayer(capi, runtime, identity_override="me") as made:
        host = Host(made, schemas)
        state = host.state()
        assert (state["is_replayer"], state["task_queue"]) == (True, "replay")
        with pytest.raises(WorkerError, match=r"^a replayer has no server to ask$"):
            host.ask_server()
        made.end()
        assert host.task(host.poll("workflow")) is None
        made.initiate_shutdown()
        made.finalize()
        assert host.state()["finalized"]


@pytest.mark.parametrize("poller", ["simple", "autoscaling"])
def test_all_reservations_are_released(
    capi: CApi, host: Hosts, task_queue: str, poller: str
) -> None:
    """Also those of polls that are ended by a shutdown."""
    lender = capi.lend()
    behavior = autoscaling(lender, 1, 5, 3)
    names = ("workflow_task", "activity_task", "nexus_task") if poller == "autoscaling" else ()
    with host(
        task_queue,
        task_types=EVERY_TYPE,
        suppliers={"activity": resource_based()},
        **{f"{name}_poller_behavior": behavior for name in names},
    ) as made:
        polls = [made.poll(kind) for kind in POLL]
        until(lambda: pollers(made.ask_server(), "nexus"), "poll")
        until(lambda: made.state()["workflow"]["slots"]["sticky"]["reserved"], "sticky poll")
        made.worker.initiate_shutdown()
        assert [made.task(poll) for poll in polls] == [None, None, None]
        made.worker.finalize()
        for kind in ("workflow", "activity", "local_activity", "nexus"):
            slots = made.state()[kind]["slots"]
            none = {"reserved": 0, "used": 0}
            assert (slots["normal"], slots["sticky"], slots["waiting"]) == (none, none, [])


def test_heartbeats_report_the_configured_slot_suppliers(capi: CApi) -> None:
    described = DescribeNamespaceResponse()
    described.namespace_info.capabilities.worker_heartbeats = True
    beats: list[bytes] = []

    def respond(request: Request) -> Response:
        if request.rpc == "DescribeNamespace":
            return Response(described.SerializeToString())
        if request.rpc == "RecordWorkerHeartbeat":
            beats.append(request.proto)
        if request.rpc.startswith("Poll"):
            time.sleep(0.05)
        return Response()

    def available(request: bytes) -> int:
        (beat,) = RecordWorkerHeartbeatRequest.FromString(request).worker_heartbeat
        return beat.workflow_task_slots_info.current_available_slots

    custom = CustomSupplier(capi)
    options = capi.new("TemporalCoreRuntimeOptions", worker_heartbeat_interval_millis=1_000)
    with (
        capi.runtime(options) as runtime,
        connection_to(Override(capi, respond), runtime, identity=IDENTITY) as client,
        worker(
            capi,
            client,
            "queue",
            task_types=EVERY_TYPE,
            suppliers={
                "activity": custom.supplier,
                "local_activity": resource_based(),
                "nexus_task": fixed_size(7),
            },
        ) as made,
    ):
        made.validate()
        polls = [made.poll(kind) for kind in POLL.values()]
        until(lambda: beats and available(beats[-1]) == 100, "heartbeat of a worker that polls")
        kinds = {
            kind: made.state()[kind]["slots"]["supplier"]
            for kind in ("workflow", "activity", "local_activity", "nexus")
        }
        made.initiate_shutdown()
        assert [made.polled(poll) for poll in polls] == [None, None, None]
        made.finalize()
    (beat,) = RecordWorkerHeartbeatRequest.FromString(beats[0]).worker_heartbeat
    told = {
        "workflow": beat.workflow_task_slots_info,
        "activity": beat.activity_task_slots_info,
        "local_activity": beat.local_activity_slots_info,
        "nexus": beat.nexus_task_slots_info,
    }
    assert {kind: info.slot_supplier_kind for kind, info in told.items()} == kinds
    assert list(kinds.values()) == ["Fixed", "Custom", "ResourceBased", "Fixed"]
    assert custom.errors == []


# --- NULL and failures ---


def test_null_has_no_state_and_no_server(capi: CApi) -> None:
    nobody = Worker(capi, capi.NULL, "")
    with pytest.raises(WorkerError, match=r"^worker is NULL$"):
        nobody.state()
    with pytest.raises(WorkerError, match=r"^worker is NULL$"):
        nobody.ask_server()


@contextmanager
def answering(
    capi: CApi, respond: Callable[[Request], Response], **fields: Any
) -> Iterator[Worker]:
    """Make a worker with an override that answers all RPCs except the first of its connection."""
    with (
        capi.runtime() as runtime,
        connection_to(
            Override(capi, lambda it: Response() if it.rpc == "GetSystemInfo" else respond(it)),
            runtime,
            identity=IDENTITY,
        ) as client,
        worker(capi, client, "queue", **fields) as made,
    ):
        yield made


def test_the_server_is_not_asked_without_a_callback(capi: CApi) -> None:
    asked: list[str] = []

    def respond(request: Request) -> Response:
        asked.append(request.rpc)
        return Response()

    with answering(capi, respond, task_types=WORKFLOWS_ONLY) as made:
        capi.lib.temporal_static_libs_worker_ask_server(made.handle, capi.NULL, capi.NULL)
        made.ask_server()
        assert asked == ["DescribeTaskQueue"]


def test_refusal_of_the_server_is_reported(capi: CApi) -> None:
    reason = r"^Asking the server failed: DescribeTaskQueue: not for you$"
    with (
        answering(capi, lambda _: Response(status=7, message="not for you")) as made,
        pytest.raises(WorkerError, match=reason),
    ):
        made.ask_server()


def test_refusal_of_the_deployment_is_reported(capi: CApi) -> None:
    def respond(request: Request) -> Response:
        refused = request.rpc == "DescribeWorkerDeployment"
        return Response(status=7, message="no") if refused else Response()

    versioning = deployment(capi.lend(), "name", "build")
    with (
        answering(capi, respond, versioning_strategy=versioning) as made,
        pytest.raises(WorkerError, match=r"failed: DescribeWorkerDeployment: no$"),
    ):
        made.ask_server()


def test_an_older_servers_answer_conforms_to_the_schema(
    capi: CApi, schemas: dict[str, Any]
) -> None:
    """Such a server does not report the backlog, or the times and versions of polls."""
    described = DescribeTaskQueueResponse()
    described.pollers.add(identity="other")
    with answering(capi, lambda _: Response(described.SerializeToString())) as made:
        said = Host(made, schemas).ask_server()
    nobody = {"last_access_unix_millis": None, "deployment_name": None, "build_id": None}
    expected = {"pollers": [{"identity": "other", **nobody}], "backlog": None}
    assert said == {
        "namespace": "default",
        "task_queue": "queue",
        "workflow": expected,
        "activity": expected,
        "deployment": None,
    }


def test_freeing_the_worker_ends_the_call_and_finalizing_fails(capi: CApi) -> None:
    asked, leave = threading.Event(), threading.Event()

    def respond(_request: Request) -> Response:
        asked.set()
        assert leave.wait(60)
        return Response()

    try:
        with answering(capi, respond) as made:
            answer = capi.start(
                "TemporalStaticLibsWorkerAskServerCallback",
                "temporal_static_libs_worker_ask_server",
                made.handle,
            )
            assert asked.wait(30)
            with pytest.raises(WorkerError, match=r"in use: 1 calls in flight"):
                made.finalize()
            made.free()
            success, fail = answer.wait(30)
            assert success == capi.NULL
            assert capi.take_text(fail) == "The worker was freed before the call ended"
    finally:
        leave.set()


# --- workers that get no tasks ---


def test_a_kind_that_the_host_never_polls(host: Hosts, start: Start, task_queue: str) -> None:
    start(task_queue)
    with host(task_queue) as made:
        made.poll("activity")
        until(lambda: made.state()["activity"]["slots"]["normal"]["reserved"], "reservation")
        wait_for_backlog(made)
        until(lambda: pollers(made.ask_server(), "activity"), "poll for activities")
        workflow = made.state()["workflow"]
        assert workflow["enabled"]
        assert (workflow["polls"]["waiting"], workflow["tasks"]["handed_out"]) == (0, 0)
        assert workflow["slots"]["normal"] == {"reserved": 0, "used": 0}
        assert pollers(made.ask_server()) == []

        made.finish(made.activation())
        assert pollers(made.ask_server()) == [IDENTITY]


def test_slots_that_are_all_in_use(host: Hosts, start: Start, task_queue: str) -> None:
    start(task_queue)
    with host(task_queue, suppliers={"activity": fixed_size(1)}) as made:
        activity = {"activity_type": "A", "task_queue": task_queue}
        timeout = {"start_to_close_timeout": seconds(120)}
        made.complete(
            made.activation(),
            *(
                {"schedule_activity": {"seq": seq, "activity_id": f"{seq}", **activity, **timeout}}
                for seq in (1, 2)
            ),
        )
        first = ActivityTask.FromString(made.task(made.poll("activity")) or b"")
        poll = made.poll("activity")
        until(lambda: made.state()["activity"]["slots"]["waiting"], "reservation")
        until(lambda: made.ask_server()["activity"]["backlog"]["approximate_count"] == 1, "backlog")
        state = made.state()["activity"]
        assert state["slots"]["limit"] == state["slots"]["normal"]["used"] == 1
        assert state["tasks"]["not_completed"] == 1
        assert state["polls"]["waiting"] == 1

        made.complete_activity(first)
        second = ActivityTask.FromString(made.task(poll) or b"")
        assert second.task_token != first.task_token
        assert made.state()["activity"]["tasks"]["handed_out"] == 2
        made.complete_activity(second)


def test_all_workflow_slots_in_use_except_that_of_the_sticky_queue(
    host: Hosts, start: Start, task_queue: str
) -> None:
    for _ in range(3):
        start(task_queue)
    with host(task_queue, task_types=WORKFLOWS_ONLY, suppliers={"workflow": fixed_size(3)}) as made:
        activations = [made.activation() for _ in range(2)]
        until(lambda: made.state()["workflow"]["slots"]["waiting"], "reservation")
        state = made.state()["workflow"]
        slots = state["slots"]
        assert slots["normal"] == {"reserved": 2, "used": 2}
        assert slots["sticky"] == {"reserved": 1, "used": 0}
        assert [it["sticky"] for it in slots["waiting"]] == [False]
        assert state["tasks"]["not_completed"] == 2

        poll = made.poll("workflow")
        made.finish(activations[0])
        third = made.next_run(poll)
        assert third.run_id not in [it.run_id for it in activations]
        made.finish(third)
        made.finish(activations[1])


def test_as_many_workflow_tasks_as_the_cache_holds(
    host: Hosts, start: Start, task_queue: str
) -> None:
    """Core also counts the slot of the sticky queue's poll."""
    for _ in range(2):
        start(task_queue)
    with host(task_queue, task_types=WORKFLOWS_ONLY, max_cached_workflows=2) as made:
        first = made.activation()
        until(lambda: made.state()["workflow"]["slots"]["sticky"]["reserved"], "sticky poll")
        state = made.state()["workflow"]
        assert state["slots"]["normal"] == {"reserved": 1, "used": 1}
        assert state["slots"]["sticky"] == {"reserved": 1, "used": 0}
        assert state["slots"]["waiting"] == []
        assert state["tasks"]["not_completed"] == 1
        assert state["slots"]["held_back_by_cache_millis"] is not None

        poll = made.poll("workflow")
        made.finish(first)
        second = made.next_run(poll)
        assert second.run_id != first.run_id
        made.finish(second)


def test_a_slot_supplier_that_never_gives_a_slot(
    capi: CApi, host: Hosts, start: Start, task_queue: str
) -> None:
    supplier = CustomSupplier(capi, grant=False)
    start(task_queue)
    with host(
        task_queue,
        task_types=WORKFLOWS_ONLY,
        suppliers={"workflow": supplier.supplier},
    ) as made:
        poll = made.poll("workflow")
        until(lambda: len(made.state()["workflow"]["slots"]["waiting"]) == 2, "reservations")
        slots = made.state()["workflow"]["slots"]
        assert (slots["supplier"], slots["limit"]) == ("Custom", None)
        assert {it["sticky"] for it in slots["waiting"]} == {False, True}
        assert slots["normal"] == slots["sticky"] == {"reserved": 0, "used": 0}
        assert pollers(made.ask_server()) == []
        first = slots["waiting"][0]["millis"]
        until(
            lambda: made.state()["workflow"]["slots"]["waiting"][0]["millis"] > first,
            "longer wait",
        )

        supplier.grant = True
        for context in supplier.pending:
            assert supplier.complete(context)
        made.finish(made.activation(poll))
        ((permit, info),) = supplier.used
        assert permit in supplier.granted
        assert info["workflow_type"] == "W"
        until(lambda: (permit, info) in supplier.released, "release")
    until(lambda: supplier.freed, "free")
    assert sorted(permit for permit, _ in supplier.released) == sorted(supplier.granted)
    assert supplier.errors == []


def test_task_queue_differs_from_the_workflows(host: Hosts, start: Start, task_queue: str) -> None:
    start(task_queue)
    with host(f"{task_queue}-misspelt", identity_override="misspelt") as wrong:
        wrong.poll("workflow")
        until(lambda: pollers(wrong.ask_server()), "poll")
        said = wrong.ask_server()
        assert said["task_queue"] == f"{task_queue}-misspelt"
        assert said["workflow"]["backlog"]["approximate_count"] == 0
        assert pollers(said) == ["misspelt"]
        expect_waiting_poll(wrong.state()["workflow"])

        with host(task_queue) as right:
            wait_for_backlog(right)
            assert pollers(right.ask_server()) == []
            right.finish(right.activation())
        assert wrong.state()["workflow"]["tasks"]["handed_out"] == 0


def test_namespace_differs_from_the_workflows(host: Hosts, start: Start, task_queue: str) -> None:
    start(task_queue)
    with host(task_queue, namespace_="no-such-namespace") as wrong:
        wrong.poll("workflow")
        until(lambda: wrong.state()["workflow"]["slots"]["normal"]["reserved"], "reservation")
        expect_waiting_poll(wrong.state()["workflow"])
        assert wrong.state()["namespace"] == "no-such-namespace"
        with pytest.raises(
            WorkerError,
            match=r"^Asking the server failed: DescribeTaskQueue: .*no-such-namespace is not found",
        ):
            wrong.ask_server()

        with host(task_queue) as right:
            right.finish(right.activation())


def test_a_kind_that_is_not_enabled(host: Hosts, start: Start, task_queue: str) -> None:
    start(task_queue)
    with host(task_queue, task_types={"enable_remote_activities": True}) as wrong:
        assert wrong.task(wrong.poll("workflow")) is None
        assert not wrong.state()["workflow"]["enabled"]
        assert set(wrong.ask_server()) == {"namespace", "task_queue", "activity", "deployment"}
    with host(task_queue, task_types=WORKFLOWS_ONLY) as right:
        state = right.state()
        enabled = {
            kind
            for kind in ("workflow", "activity", "local_activity", "nexus")
            if state[kind]["enabled"]
        }
        assert enabled == {"workflow"}
        right.finish(right.activation())


def test_a_version_that_is_not_current(
    capi: CApi, client: Any, host: Hosts, start: Start, task_queue: str
) -> None:
    name = f"deployment-{uuid.uuid4()}"
    with host(
        task_queue,
        task_types=WORKFLOWS_ONLY,
        versioning_strategy=deployment(capi.lend(), name, "build-1"),
    ) as made:
        version = {"name": name, "build_id": "build-1"}
        nothing = {"is_current": False, "current_build_id": None, "ramping_build_id": None}
        unknown = {"is_known": False, "ramping_percentage": None}
        assert made.ask_server()["deployment"] == {**version, **nothing, **unknown}
        poll = made.poll("workflow")
        until(lambda: made.ask_server()["deployment"]["is_known"], "version")
        start(task_queue)
        wait_for_backlog(made)
        said = made.ask_server()
        known = {"is_known": True, "ramping_percentage": 0}
        assert said["deployment"] == {**version, **nothing, **known}
        (poller,) = said["workflow"]["pollers"]
        assert (poller["deployment_name"], poller["build_id"]) == (name, "build-1")
        expect_waiting_poll(made.state()["workflow"])

        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace="default", deployment_name=name, build_id="build-1", identity=IDENTITY
        )
        ask(capi, client, "SetWorkerDeploymentCurrentVersion", request)
        made.finish(made.activation(poll))
        until(lambda: made.ask_server()["deployment"]["is_current"], "current version")
        assert made.ask_server()["deployment"]["current_build_id"] == "build-1"
