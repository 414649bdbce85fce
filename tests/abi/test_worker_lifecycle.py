"""Workers without a server: what they refuse, and how they shut down."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceResponse,
    PollActivityTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    RecordWorkerHeartbeatRequest,
    ShutdownWorkerRequest,
)
from temporalio.bridge.proto import ActivityHeartbeat, ActivityTaskCompletion
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.capi import Answer, CApi, Lender
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.plain_words import debug_output
from tests.support.abi.rpc import connect_answer, connection
from tests.support.abi.worker import (
    KINDS,
    SLOT_KINDS,
    Worker,
    WorkerError,
    autoscaling,
    fixed_size,
    new_worker,
    resource_based,
    worker,
    worker_options,
)
from tests.support.programs.waiting import until

PERMISSION_DENIED = 7


def slow_polls(request: Request) -> Response:
    """Answer polls without a task after a while, and everything else at once."""
    if request.rpc.startswith("Poll"):
        time.sleep(0.1)
    return Response()


@pytest.fixture
def override(capi: CApi) -> Override:
    """A server that has no tasks."""
    return Override(capi, slow_polls)


@pytest.fixture
def client(capi: CApi, override: Override) -> Iterator[Any]:
    """A connection to ``override``."""
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime, identity="somebody") as made,
    ):
        yield made


@pytest.fixture
def lender(capi: CApi) -> Lender:
    """Owns the memory that a test's options point to."""
    return capi.lend()


def refusal(capi: CApi, client: Any, options: Any) -> str:
    """Make a worker, which must fail, and return the reason."""
    with pytest.raises(WorkerError) as refused:
        new_worker(capi, client, options)
    return str(refused.value)


def rpcs(override: Override) -> list[str]:
    """List the RPCs that arrived."""
    return [request.rpc for request in override.requests]


# --- options ---

NOT_UTF_8 = b"\xff\xfe"


@pytest.mark.parametrize("kind", SLOT_KINDS)
def test_unknown_slot_supplier_is_refused(
    capi: CApi, client: Any, lender: Lender, kind: str
) -> None:
    options = worker_options(capi, lender, "queue")
    supplier = getattr(options.tuner, f"{kind}_slot_supplier")
    for tag in (3, 255, 2**32 - 1):
        capi.ffi.cast("uint32_t *", capi.ffi.addressof(supplier, "tag"))[0] = tag
        message = refusal(capi, client, options)
        reason = f"tuner.{kind}_slot_supplier.tag has the invalid value {tag}"
        assert message == f"Invalid options: {reason}{capi.interface_note}"


def test_an_empty_task_queue_is_refused(capi: CApi, client: Any, lender: Lender) -> None:
    options = worker_options(capi, lender, "")
    assert refusal(capi, client, options) == "Invalid options: task_queue is empty"


def test_unknown_versioning_strategy_is_refused(capi: CApi, client: Any, lender: Lender) -> None:
    options = worker_options(capi, lender, "queue")
    tag = capi.ffi.addressof(options.versioning_strategy, "tag")
    capi.ffi.cast("uint32_t *", tag)[0] = 3
    assert "versioning_strategy.tag has the invalid value 3" in refusal(capi, client, options)


@pytest.mark.parametrize("name", ["namespace_", "task_queue", "identity_override"])
def test_text_that_is_not_utf_8_is_refused(
    capi: CApi, client: Any, lender: Lender, name: str
) -> None:
    options = worker_options(capi, lender, "queue")
    setattr(options, name, lender.bytes(NOT_UTF_8))
    assert f"{name} is not UTF-8" in refusal(capi, client, options)
    setattr(options, name, {"data": capi.NULL, "size": 5})
    assert f"{name} has size 5 but its data is NULL" in refusal(capi, client, options)


@pytest.mark.parametrize(
    "name", ["nondeterminism_as_workflow_fail_for_types", "plugins", "storage_drivers"]
)
def test_lists_of_texts_are_checked(capi: CApi, client: Any, lender: Lender, name: str) -> None:
    options = worker_options(capi, lender, "queue")
    setattr(options, name, lender.array(["fine", NOT_UTF_8]))
    assert f"{name}[1] is not UTF-8" in refusal(capi, client, options)
    setattr(options, name, {"data": capi.NULL, "size": 2})
    assert f"{name} has size 2 but its data is NULL" in refusal(capi, client, options)
    broken = capi.ffi.new("TemporalCoreByteArrayRef[1]", [{"data": capi.NULL, "size": 9}])
    setattr(options, name, {"data": broken, "size": 1})
    assert f"{name}[0] has size 9 but its data is NULL" in refusal(capi, client, options)


def deployment(
    lender: Lender, name: bytes, build_id: bytes, *, versioned: bool, behavior: int = 0
) -> dict[str, Any]:
    """Return a deployment-based versioning strategy."""
    version = {"deployment_name": lender.bytes(name), "build_id": lender.bytes(build_id)}
    return {
        "tag": 1,
        "deployment_based": {
            "version": version,
            "use_worker_versioning": versioned,
            "default_versioning_behavior": behavior,
        },
    }


Fields = Callable[[Lender], dict[str, Any]]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(lambda _: {}, id="usual"),
        pytest.param(
            lambda _: {"suppliers": {kind: resource_based() for kind in SLOT_KINDS}},
            id="resource-based",
        ),
        pytest.param(
            lambda _: {"suppliers": {"workflow": resource_based(0, 10, 2**64 - 1)}},
            id="endless-throttle",
        ),
        pytest.param(
            lambda lender: {
                f"{kind}_poller_behavior": autoscaling(lender, 1, 5, 2)
                for kind in ("workflow_task", "activity_task", "nexus_task")
            },
            id="autoscaling",
        ),
        pytest.param(
            lambda lender: {
                "versioning_strategy": deployment(lender, b"d", b"b", versioned=True, behavior=2)
            },
            id="deployment",
        ),
        pytest.param(
            lambda lender: {
                "versioning_strategy": {
                    "tag": 2,
                    "legacy_build_id_based": {"build_id": lender.bytes("b")},
                }
            },
            id="legacy-build-id",
        ),
        pytest.param(
            lambda _: dict.fromkeys(
                (
                    "sticky_queue_schedule_to_start_timeout_millis",
                    "max_heartbeat_throttle_interval_millis",
                    "default_heartbeat_throttle_interval_millis",
                    "graceful_shutdown_period_millis",
                ),
                2**64 - 1,
            ),
            id="longest-times",
        ),
        pytest.param(
            lambda _: {
                "max_activities_per_second": 1e-9,
                "max_task_queue_activities_per_second": 1e300,
            },
            id="extreme-rates",
        ),
        pytest.param(
            # One of these kinds is not enabled, and the other is always on with workflows.
            lambda _: {"suppliers": {"nexus_task": fixed_size(0), "local_activity": fixed_size(0)}},
            id="no-slots",
        ),
        pytest.param(
            lambda _: {"suppliers": {kind: fixed_size(2**61 - 1) for kind in SLOT_KINDS}},
            id="most-slots",
        ),
        pytest.param(lambda _: {"max_cached_workflows": 0}, id="no-cache"),
        pytest.param(
            lambda _: {
                f"{kind}_poller_behavior": {}
                for kind in ("workflow_task", "activity_task", "nexus_task")
            },
            id="default-pollers",
        ),
        pytest.param(
            lambda lender: {
                "plugins": lender.array(["a", "b", "a"]),
                "storage_drivers": lender.array(["s3"]),
                "nondeterminism_as_workflow_fail": True,
                "nondeterminism_as_workflow_fail_for_types": lender.array(["T"]),
                "disable_payload_error_limit": True,
                "max_eager_activity_reservations_per_workflow_task": 2**32 - 1,
            },
            id="the-newest",
        ),
    ],
)
def test_a_worker_starts_polls_and_shuts_down(
    capi: CApi, client: Any, lender: Lender, fields: Fields
) -> None:
    with worker(capi, client, "queue", **fields(lender)) as made:
        made.validate()
        polls = [made.poll(kind) for kind in KINDS]
        time.sleep(0.05)
        made.initiate_shutdown()
        assert [made.polled(poll) for poll in polls] == [None, None, None]
        made.finalize()


def test_options_reach_the_server(
    capi: CApi, client: Any, lender: Lender, override: Override
) -> None:
    with worker(
        capi,
        client,
        "quéue",
        namespace_="náme",
        identity_override="worker's own",
        max_task_queue_activities_per_second=12.5,
        versioning_strategy=deployment(lender, b"dep", b"build-7", versioned=True),
    ) as made:
        polls = [made.poll("workflow_activation"), made.poll("activity_task")]
        wanted = {"PollWorkflowTaskQueue", "PollActivityTaskQueue"}
        until(lambda: wanted <= {request.rpc for request in override.requests}, "both polls")
        made.initiate_shutdown()
        assert [made.polled(poll) for poll in polls] == [None, None]
        made.finalize()
    by_name = {request.rpc: request.proto for request in override.requests}
    workflow = PollWorkflowTaskQueueRequest.FromString(by_name["PollWorkflowTaskQueue"])
    activity = PollActivityTaskQueueRequest.FromString(by_name["PollActivityTaskQueue"])
    for request in (workflow, activity):
        assert request.namespace == "náme"
        assert request.identity == "worker's own"
        assert request.deployment_options.deployment_name == "dep"
        assert request.deployment_options.build_id == "build-7"
    assert activity.task_queue.name == "quéue"
    assert activity.task_queue_metadata.max_tasks_per_second.value == 12.5
    shutdown = ShutdownWorkerRequest.FromString(by_name["ShutdownWorker"])
    assert shutdown.namespace == "náme"


def test_worker_heartbeats_list_plugins_and_storage_drivers(capi: CApi, lender: Lender) -> None:
    described = DescribeNamespaceResponse()
    described.namespace_info.capabilities.worker_heartbeats = True

    def respond(request: Request) -> Response:
        if request.rpc == "DescribeNamespace":
            return Response(described.SerializeToString())
        return slow_polls(request)

    override = Override(capi, respond)
    runtime_options = capi.new("TemporalCoreRuntimeOptions", worker_heartbeat_interval_millis=1_000)
    with (
        capi.runtime(runtime_options) as runtime,
        connection_to(override, runtime, identity="somebody") as client,
        worker(
            capi,
            client,
            "queue",
            plugins=lender.array(["one", "two"]),
            storage_drivers=lender.array(["s3", "gcs"]),
            suppliers={"activity": resource_based(), "nexus_task": fixed_size(7)},
        ) as made,
    ):
        made.validate()
        poll = made.poll("activity_task")
        until(lambda: "RecordWorkerHeartbeat" in rpcs(override), "heartbeat")
        made.initiate_shutdown()
        assert made.polled(poll) is None
        made.shut_down_idle()
    (first, *_) = (
        RecordWorkerHeartbeatRequest.FromString(request.proto)
        for request in override.requests
        if request.rpc == "RecordWorkerHeartbeat"
    )
    (heartbeat,) = first.worker_heartbeat
    assert heartbeat.task_queue == "queue"
    assert [plugin.name for plugin in heartbeat.plugins] == ["one", "two"]
    assert [driver.type for driver in heartbeat.drivers] == ["gcs", "s3"]
    assert heartbeat.workflow_task_slots_info.slot_supplier_kind == "Fixed"
    assert heartbeat.activity_task_slots_info.slot_supplier_kind == "ResourceBased"


# --- NULL ---


def test_null_arguments_are_refused(capi: CApi, client: Any, lender: Lender) -> None:
    options = worker_options(capi, lender, "queue")
    assert refusal(capi, capi.NULL, options) == "Invalid options: client is NULL"
    assert refusal(capi, client, capi.NULL) == "Invalid options: options is NULL"


@pytest.mark.parametrize("kind", KINDS)
def test_calls_on_null_fail(capi: CApi, kind: str) -> None:
    poll = capi.start(
        "TemporalCoreWorkerPollCallback", f"temporal_core_worker_poll_{kind}", capi.NULL
    )
    assert poll.thread == threading.get_ident(), "before any work starts"
    success, fail = poll.wait()
    assert success == capi.NULL
    assert capi.take_text(fail) == "worker is NULL"
    done = Answer(capi, "TemporalCoreWorkerCallback")
    getattr(capi.lib, f"temporal_core_worker_complete_{kind}")(
        capi.NULL, capi.lend().bytes(b""), done.user_data, done.callback
    )
    (fail,) = done.wait()
    assert capi.take_text(fail) == "worker is NULL"


def test_other_calls_on_null_fail_or_do_nothing(capi: CApi, client: Any) -> None:
    lib, nothing = capi.lib, capi.lend().bytes(None)
    for name in ("validate", "finalize_shutdown"):
        answer = capi.start("TemporalCoreWorkerCallback", f"temporal_core_worker_{name}", capi.NULL)
        assert capi.take_text(answer.wait()[0]) == "worker is NULL"
    replaced = lib.temporal_core_worker_replace_client(capi.NULL, client)
    assert capi.take_text(replaced) == "worker is NULL"
    heartbeat = lib.temporal_core_worker_record_activity_heartbeat(capi.NULL, nothing)
    assert capi.take_text(heartbeat) == "worker is NULL"
    lib.temporal_core_worker_request_workflow_eviction(capi.NULL, nothing)
    lib.temporal_core_worker_initiate_shutdown(capi.NULL)
    lib.temporal_core_worker_free(capi.NULL)
    lib.temporal_core_worker_replay_pusher_free(capi.NULL)


def test_replay_on_null_fails(capi: CApi, lender: Lender) -> None:
    made = capi.lib.temporal_core_worker_replayer_new(
        capi.NULL, worker_options(capi, lender, "queue")
    )
    assert (made.worker, made.worker_replay_pusher) == (capi.NULL, capi.NULL)
    assert capi.take_text(made.fail) == "Invalid options: runtime is NULL"
    with capi.runtime() as runtime:
        made = capi.lib.temporal_core_worker_replayer_new(runtime, capi.NULL)
    assert capi.take_text(made.fail) == "Invalid options: options is NULL"
    pushed = capi.lib.temporal_core_worker_replay_push(
        capi.NULL, capi.NULL, lender.bytes("id"), lender.bytes(b"")
    )
    assert capi.take_text(pushed.fail) == "Worker replay init failed: worker is NULL"


def test_a_null_callback_starts_nothing(capi: CApi, client: Any, override: Override) -> None:
    lib, nothing = capi.lib, capi.lend().bytes(None)
    with worker(capi, client, "queue") as made:
        handle = made.handle
        for kind in KINDS:
            getattr(lib, f"temporal_core_worker_poll_{kind}")(handle, capi.NULL, capi.NULL)
            getattr(lib, f"temporal_core_worker_complete_{kind}")(
                handle, nothing, capi.NULL, capi.NULL
            )
        lib.temporal_core_worker_validate(handle, capi.NULL, capi.NULL)
        lib.temporal_core_worker_finalize_shutdown(handle, capi.NULL, capi.NULL)
        assert {request.rpc for request in override.requests} <= {"GetSystemInfo"}
        made.shut_down_idle()


def test_a_null_connection_replaces_nothing(capi: CApi, client: Any) -> None:
    with worker(capi, client, "queue") as made:
        with pytest.raises(WorkerError, match="new_client is NULL"):
            made.replace_client(capi.NULL)
        made.shut_down_idle()


# --- bytes ---


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("workflow_activation", "Workflow task"),
        ("activity_task", "Activity task"),
        ("nexus_task", "Nexus task"),
    ],
)
def test_undecodable_completions_fail_at_once(
    capi: CApi, client: Any, kind: str, what: str
) -> None:
    with worker(capi, client, "queue") as made:
        answer = made.complete(kind, b"\xff\xff\xff")
        assert answer.thread == threading.get_ident()
        with pytest.raises(WorkerError, match=f"{what} decode failure: "):
            made.done(answer)
        made.shut_down_idle()


@pytest.mark.parametrize("kind", KINDS)
def test_empty_completions_fail(capi: CApi, client: Any, kind: str) -> None:
    with worker(
        capi, client, "queue", task_types={"enable_workflows": True, "enable_nexus": True}
    ) as made:
        with pytest.raises(WorkerError, match=r"^(Workflow|Activity|Nexus) completion failure: "):
            made.done(made.complete(kind, None))
        made.shut_down_idle()


def test_undecodable_heartbeats_fail_and_unknown_ones_do_not(capi: CApi, client: Any) -> None:
    with worker(capi, client, "queue") as made:
        with pytest.raises(WorkerError, match="Activity heartbeat decode failure: "):
            made.heartbeat(b"\xff")
        made.heartbeat(ActivityHeartbeat(task_token=b"nobody's").SerializeToString())
        made.heartbeat(None)
        made.shut_down_idle()


def test_evicting_an_unknown_run_does_nothing(capi: CApi, client: Any) -> None:
    with worker(capi, client, "queue") as made:
        made.evict("no such run")
        made.evict(NOT_UTF_8)
        made.evict("")
        made.shut_down_idle()


def test_a_completion_of_an_unknown_activity_is_ignored(capi: CApi, client: Any) -> None:
    completion = ActivityTaskCompletion(task_token=b"nobody's")
    completion.result.completed.result.SetInParent()
    with worker(capi, client, "queue") as made:
        made.done(made.complete("activity_task", completion.SerializeToString()))
        made.shut_down_idle()


def test_a_panic_inside_becomes_the_failure_of_its_call(capi: CApi, client: Any) -> None:
    """Core panics at a completion with commands after the workflow has ended."""
    completion = WorkflowActivationCompletion(run_id="any")
    completion.failed.failure.message = "not empty"
    with worker(capi, client, "queue") as made:
        made.initiate_shutdown()
        assert made.polled(made.poll("workflow_activation")) is None
        with pytest.raises(WorkerError, match=r"^panic: "):
            made.done(made.complete("workflow_activation", completion.SerializeToString()))
        made.shut_down_idle()


# --- shutdown ---


def test_every_call_after_finalizing_fails(capi: CApi, client: Any) -> None:
    with worker(capi, client, "queue") as made:
        made.shut_down_idle()
        with pytest.raises(WorkerError, match="Cannot finalize, the worker is finalized already"):
            made.finalize()
        calls: list[Callable[[], object]] = [
            made.validate,
            lambda: made.heartbeat(b""),
            lambda: made.replace_client(client),
            *(lambda kind=kind: made.polled(made.poll(kind)) for kind in KINDS),
            *(lambda kind=kind: made.done(made.complete(kind, b"")) for kind in KINDS),
        ]
        for call in calls:
            with pytest.raises(WorkerError, match="The worker is finalized"):
                call()
        made.initiate_shutdown()
        made.evict("any")


def test_shutdown_may_be_initiated_twice(capi: CApi, client: Any) -> None:
    with worker(capi, client, "queue") as made:
        made.initiate_shutdown()
        made.shut_down_idle()


@pytest.mark.parametrize(
    "task_types",
    [
        {"enable_workflows": True},
        {"enable_remote_activities": True},
        {"enable_nexus": True},
        dict.fromkeys(("enable_workflows", "enable_local_activities"), True),
        dict.fromkeys(("enable_workflows", "enable_remote_activities", "enable_nexus"), True),
    ],
)
@pytest.mark.parametrize("polled", [(), *((kind,) for kind in KINDS), KINDS])
def test_finalizing_an_idle_worker_that_was_not_drained(
    capi: CApi, client: Any, task_types: dict[str, bool], polled: tuple[str, ...]
) -> None:
    with worker(capi, client, "queue", task_types=task_types) as made:
        polls = [made.poll(kind) for kind in polled]
        made.initiate_shutdown()
        for poll in polls:
            assert made.polled(poll) is None
        made.finalize()


@pytest.mark.parametrize("kind", ["workflow_activation", "activity_task"])
def test_finalizing_with_a_call_in_flight_leaves_the_worker_usable(
    capi: CApi, client: Any, kind: str
) -> None:
    with worker(capi, client, "queue") as made:
        poll = made.poll(kind)
        answer = made.start("temporal_core_worker_finalize_shutdown")
        assert answer.thread == threading.get_ident(), "nothing was started"
        with pytest.raises(WorkerError, match=r"Cannot finalize, .* 1 calls in flight"):
            made.done(answer)
        made.validate()
        made.initiate_shutdown()
        assert made.polled(poll) is None
        made.shut_down_idle()


@pytest.mark.parametrize("last", KINDS)
def test_finalizing_inside_the_last_callback_finds_the_worker_free(
    capi: CApi, client: Any, last: str
) -> None:
    with worker(capi, client, "queue") as made:
        made.initiate_shutdown()
        for kind in KINDS:
            if kind != last:
                assert made.polled(made.poll(kind)) is None
        finalized = Answer(capi, "TemporalCoreWorkerCallback")
        poll = Answer(capi, "TemporalCoreWorkerPollCallback")
        poll.inside = lambda _success, _fail: capi.lib.temporal_core_worker_finalize_shutdown(
            made.handle, finalized.user_data, finalized.callback
        )
        getattr(capi.lib, f"temporal_core_worker_poll_{last}")(
            made.handle, poll.user_data, poll.callback
        )
        assert made.polled(poll) is None
        made.done(finalized)


def test_finalizing_inside_a_completions_callback_finds_the_worker_free(
    capi: CApi, client: Any
) -> None:
    completion = ActivityTaskCompletion(task_token=b"nobody's")
    completion.result.completed.result.SetInParent()
    lender = capi.lend()
    with worker(capi, client, "queue") as made:
        made.initiate_shutdown()
        for kind in KINDS:
            assert made.polled(made.poll(kind)) is None
        finalized = Answer(capi, "TemporalCoreWorkerCallback")
        done = Answer(capi, "TemporalCoreWorkerCallback")
        done.inside = lambda _fail: capi.lib.temporal_core_worker_finalize_shutdown(
            made.handle, finalized.user_data, finalized.callback
        )
        capi.lib.temporal_core_worker_complete_activity_task(
            made.handle,
            lender.bytes(completion.SerializeToString()),
            done.user_data,
            done.callback,
        )
        made.done(done)
        made.done(finalized)


@dataclass
class ShutdownLogs:
    """Forwarded logs. Core logs one message inside ``initiate_shutdown``.

    Attributes:
        inside: runs inside the callback of that log, only once.
    """

    capi: CApi
    inside: Callable[[], None] | None = None

    def telemetry(self, lender: Lender) -> Any:
        self._callback = self.capi.ffi.callback("TemporalCoreForwardedLogCallback", self._receive)
        logging = lender.struct(
            "TemporalCoreLoggingOptions",
            filter=lender.bytes("temporalio_sdk_core=info"),
            forward_to=self._callback,
        )
        return lender.struct("TemporalCoreTelemetryOptions", logging=logging)

    def _receive(self, _level: int, log: Any) -> None:
        message = self.capi.text(self.capi.lib.temporal_core_forwarded_log_message(log))
        inside, self.inside = self.inside, None
        if message == "Initiated shutdown" and inside is not None:
            inside()
        else:
            self.inside = inside


@pytest.fixture
def shutdown_logs(capi: CApi) -> ShutdownLogs:
    return ShutdownLogs(capi)


@pytest.fixture
def logging_client(
    capi: CApi, lender: Lender, override: Override, shutdown_logs: ShutdownLogs
) -> Iterator[Any]:
    """A connection to ``override`` whose runtime forwards its logs to ``shutdown_logs``."""
    options = lender.struct("TemporalCoreRuntimeOptions", telemetry=shutdown_logs.telemetry(lender))
    with (
        capi.runtime(options) as runtime,
        connection_to(override, runtime, identity="somebody") as made,
    ):
        yield made


@contextmanager
def another_thread_inside_initiate_shutdown(
    made: Worker, logs: ShutdownLogs
) -> Iterator[threading.Event]:
    """Keep another thread inside the call until the event is set."""
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        entered.set()
        leave.wait(60)

    logs.inside = stay
    slow = threading.Thread(target=made.initiate_shutdown)
    slow.start()
    try:
        assert entered.wait(60)
        yield leave
    finally:
        leave.set()
        slow.join(60)


def test_finalizing_waits_for_calls_without_callback_on_other_threads(
    capi: CApi, logging_client: Any, shutdown_logs: ShutdownLogs
) -> None:
    with (
        worker(capi, logging_client, "queue") as made,
        another_thread_inside_initiate_shutdown(made, shutdown_logs) as leave,
    ):
        made.initiate_shutdown()
        for kind in KINDS[1:]:
            assert made.polled(made.poll(kind)) is None
        finalized = Answer(capi, "TemporalCoreWorkerCallback")
        last = Answer(capi, "TemporalCoreWorkerPollCallback")
        last.inside = lambda _success, _fail: capi.lib.temporal_core_worker_finalize_shutdown(
            made.handle, finalized.user_data, finalized.callback
        )
        capi.lib.temporal_core_worker_poll_workflow_activation(
            made.handle, last.user_data, last.callback
        )
        assert made.polled(last) is None
        time.sleep(0.2)
        assert not finalized.answered_again(), "the other call has not returned"
        leave.set()
        made.done(finalized)


def test_finalizing_inside_a_call_on_the_same_thread_fails_and_can_be_tried_again(
    capi: CApi, logging_client: Any, shutdown_logs: ShutdownLogs
) -> None:
    with worker(capi, logging_client, "queue") as made:
        inside: list[Answer] = []
        shutdown_logs.inside = lambda: inside.append(
            made.start("temporal_core_worker_finalize_shutdown")
        )
        made.initiate_shutdown()
        (answer,) = inside
        assert answer.thread == threading.get_ident(), "at once"
        with pytest.raises(WorkerError, match=r"^Cannot finalize inside another call"):
            made.done(answer)
        made.shut_down_idle()


def test_freeing_a_worker_whose_finalizing_waits_ends_the_wait(
    capi: CApi, lender: Lender, logging_client: Any, shutdown_logs: ShutdownLogs
) -> None:
    made = new_worker(capi, logging_client, worker_options(capi, lender, "queue"))
    with another_thread_inside_initiate_shutdown(made, shutdown_logs):
        finalized = made.start("temporal_core_worker_finalize_shutdown")
        made.free()
        with pytest.raises(WorkerError, match="The worker was freed before the call ended"):
            made.done(finalized)


def test_a_server_that_refuses_polls_fails_them(capi: CApi) -> None:
    def refuse(request: Request) -> Response:
        if request.rpc == "PollActivityTaskQueue":
            return Response(status=PERMISSION_DENIED, message="not you")
        return slow_polls(request)

    override = Override(capi, refuse)
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime, identity="somebody") as client,
        worker(capi, client, "queue") as made,
        pytest.raises(WorkerError, match=r"^Activity polling failure: .*not you") as caught,
    ):
        # Core tolerates such a server for a minute.
        made.polled(made.poll("activity_task"), deadline=120)
    assert not debug_output(str(caught.value))


# --- freeing ---


def test_only_one_worker_per_task_queue_and_connection(
    capi: CApi, client: Any, lender: Lender
) -> None:
    options = worker_options(capi, lender, "queue")
    with worker(capi, client, "queue"):
        assert "Worker start failed: Registration of multiple workers" in refusal(
            capi, client, options
        )
    # A worker that is freed without being finalized no longer blocks the task queue.
    new_worker(capi, client, options).free()


def test_a_freed_worker_stops_polling(capi: CApi, client: Any, override: Override) -> None:
    with worker(capi, client, "queue") as made:
        poll = made.poll("activity_task")
        until(lambda: "PollActivityTaskQueue" in rpcs(override), "poll")
    success, fail = poll.wait()
    capi.take(success)
    capi.take(fail)
    time.sleep(0.2)
    before = rpcs(override).count("PollActivityTaskQueue")
    time.sleep(0.5)
    assert rpcs(override).count("PollActivityTaskQueue") == before


def test_freeing_a_worker_that_never_polled_polls_nothing(
    capi: CApi, client: Any, override: Override
) -> None:
    with worker(capi, client, "queue") as made:
        made.validate()
    time.sleep(0.3)
    assert not any(name.startswith("Poll") for name in rpcs(override))


@pytest.mark.parametrize("state", ["new", "polling", "shutting down", "finalized"])
@pytest.mark.parametrize("order", ["".join(order) for order in itertools.permutations("rcw")])
def test_runtime_connection_and_worker_are_freed_in_any_order(
    capi: CApi, lender: Lender, override: Override, state: str, order: str
) -> None:
    runtime = capi.lib.temporal_core_runtime_new(capi.new("TemporalCoreRuntimeOptions")).runtime
    client, fail = connect_answer(
        capi, runtime, "http://override.invalid", identity="somebody", **override.fields
    ).wait()
    assert fail == capi.NULL
    made = new_worker(capi, client, worker_options(capi, lender, "queue"))
    polls = []
    if state in ("polling", "shutting down"):
        polls = [made.poll(kind) for kind in KINDS]
    if state == "shutting down":
        made.initiate_shutdown()
    if state == "finalized":
        made.shut_down_idle()
    free = {
        "r": lambda: capi.lib.temporal_core_runtime_free(runtime),
        "c": lambda: capi.lib.temporal_core_client_free(client),
        "w": made.free,
    }
    for part in order:
        free[part]()
    for poll in polls:
        success, fail = poll.wait()
        capi.take(success)
        capi.take(fail)


def test_everything_is_freed_inside_the_last_callback(
    capi: CApi, lender: Lender, override: Override
) -> None:
    runtime = capi.lib.temporal_core_runtime_new(capi.new("TemporalCoreRuntimeOptions")).runtime
    client, fail = connect_answer(
        capi, runtime, "http://override.invalid", identity="somebody", **override.fields
    ).wait()
    assert fail == capi.NULL
    made = new_worker(capi, client, worker_options(capi, lender, "queue"))
    made.initiate_shutdown()
    for kind in KINDS:
        assert made.polled(made.poll(kind)) is None

    def free_everything(_fail: Any) -> None:
        capi.lib.temporal_core_runtime_free(runtime)
        made.free()
        capi.lib.temporal_core_client_free(client)

    finalized = Answer(capi, "TemporalCoreWorkerCallback")
    finalized.inside = free_everything
    capi.lib.temporal_core_worker_finalize_shutdown(
        made.handle, finalized.user_data, finalized.callback
    )
    made.done(finalized)


def test_replacing_the_connection_frees_the_task_queue_on_the_old_one(
    capi: CApi, client: Any, override: Override
) -> None:
    with worker(capi, client, "queue") as made:
        with (
            capi.runtime() as runtime,
            connection(
                capi, runtime, "http://override.invalid", identity="other", **override.fields
            ) as other,
        ):
            made.replace_client(other)
        with worker(capi, client, "queue") as second:
            second.shut_down_idle()
        made.validate()
        made.shut_down_idle()


def test_sixty_four_threads_call_while_it_shuts_down(capi: CApi, client: Any) -> None:
    """Every call answers once, with any result, and nothing crashes."""
    answers: list[Answer] = []
    stop = threading.Event()
    completion = ActivityTaskCompletion(task_token=b"nobody's")
    completion.result.completed.result.SetInParent()
    encoded = completion.SerializeToString()

    with worker(capi, client, "queue") as made:
        calls: list[Callable[[], Answer | None]] = [
            lambda: made.poll("activity_task"),
            lambda: made.poll("nexus_task"),
            lambda: made.complete("activity_task", encoded),
            lambda: made.complete("workflow_activation", b"\xff"),
            lambda: made.start("temporal_core_worker_validate"),
            lambda: made.start("temporal_core_worker_finalize_shutdown"),
            made.initiate_shutdown,
            lambda: made.evict("any"),
        ]

        def run(number: int) -> None:
            while not stop.wait(0.001):
                answer = calls[number % len(calls)]()
                if answer is not None:
                    answers.append(answer)
                    success_or_fail = answer.wait()
                    for part in success_or_fail:
                        capi.take(part)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive()
    assert len(answers) > 64
    assert not any(answer.answered_again() for answer in answers)
