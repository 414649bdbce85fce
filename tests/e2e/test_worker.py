"""Workers on a real server, checked with the official client."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget, Response, StartOperationResponse
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.bridge.proto.nexus import NexusTask, NexusTaskCompletion
from temporalio.bridge.proto.workflow_commands import ActivityCancellationType
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError

from tests.support.abi.capi import CApi
from tests.support.abi.rpc import connection
from tests.support.abi.slot_supplier import CustomSupplier
from tests.support.abi.task_worker import (
    ActivityCancelledError,
    ActivityContext,
    ActivityFailedError,
    TaskWorker,
    WorkflowCode,
    failure,
    payload,
    seconds,
    value,
)
from tests.support.abi.worker import (
    SLOT_KINDS,
    Worker,
    WorkerError,
    new_worker,
    worker,
    worker_options,
)
from tests.support.programs.waiting import until
from tools.dev_server import DevServer

T = TypeVar("T")
Handle = WorkflowHandle[Any, Any]


@pytest.fixture
def task_queue() -> str:
    """A task queue used only by this test."""
    return f"queue-{uuid.uuid4()}"


@pytest.fixture
def official(dev_server: DevServer) -> Callable[[Callable[[Client], Coroutine[Any, Any, T]]], T]:
    """Runs a coroutine function with the official client, for at most two minutes."""

    def run(main: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        async def connected() -> T:
            return await main(await Client.connect(dev_server.address))

        async def limited() -> T:
            return await asyncio.wait_for(connected(), timeout=120)

        return asyncio.run(limited())

    return run


Official = Callable[[Callable[[Client], Coroutine[Any, Any, Any]]], Any]


async def start(client: Client, workflow: str, task_queue: str, **options: Any) -> Handle:
    return await client.start_workflow(
        workflow, id=f"{workflow}-{uuid.uuid4()}", task_queue=task_queue, **options
    )


class Echo(WorkflowCode):
    """Waits for a timer, then returns its activity's result."""

    def on_initialize_workflow(self, job: Any) -> None:
        self.argument = value(job.arguments[0])
        self.emit(start_timer={"seq": 1, "start_to_fire_timeout": seconds(0.2)})

    def on_fire_timer(self, _job: Any) -> None:
        self.schedule("echo", self.argument, seq=2)

    def on_resolve_activity(self, job: Any) -> None:
        self.complete(value(job.result.completed.result))


def echo(context: ActivityContext) -> object:
    return context.arguments[0]


def test_a_timer_and_an_activity(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    async def main(other: Client) -> object:
        handle = await start(other, "Echo", task_queue, arg={"números": [1, 2.5, None]})
        return await handle.result()

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Echo": Echo}, activities={"echo": echo}) as tasks,
    ):
        assert official(main) == {"números": [1, 2.5, None]}
    assert tasks.polled == tasks.completed
    assert len(tasks.jobs("fire_timer")) == 1


class Retrying(WorkflowCode):
    """Returns its activity's result, after any number of attempts."""

    def on_initialize_workflow(self, _job: Any) -> None:
        retry_policy = {"initial_interval": seconds(0.1), "backoff_coefficient": 1.0}
        self.schedule("work", retry_policy=retry_policy)

    def on_resolve_activity(self, job: Any) -> None:
        self.complete(value(job.result.completed.result))


def test_an_activity_is_retried_with_its_heartbeat_details(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    def work(context: ActivityContext) -> object:
        if context.task.attempt < 3:
            context.heartbeat("reached", context.task.attempt)
            raise ActivityFailedError(failure("again"))
        return [value(detail) for detail in context.task.heartbeat_details]

    async def main(other: Client) -> object:
        return await (await start(other, "Retrying", task_queue)).result()

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Retrying": Retrying}, activities={"work": work}) as tasks,
    ):
        assert official(main) == ["reached", 2]
    assert tasks.completed["activity_task"] == 3


class Cancelling(WorkflowCode):
    """Cancels its activity when it gets a signal, and returns how that ended."""

    def on_initialize_workflow(self, _job: Any) -> None:
        self.schedule(
            "wait",
            heartbeat_timeout=seconds(2),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )

    def on_signal_workflow(self, _job: Any) -> None:
        self.emit(request_cancel_activity={"seq": 1})

    def on_resolve_activity(self, job: Any) -> None:
        self.complete(job.result.WhichOneof("status"))


def test_an_activity_that_heartbeats_is_cancelled(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    started = threading.Event()

    def wait(context: ActivityContext) -> object:
        started.set()
        for beat in range(600):
            context.heartbeat(beat)
            if context.cancelled.wait(0.1):
                raise ActivityCancelledError
        return "never cancelled"

    async def main(other: Client) -> object:
        handle = await start(other, "Cancelling", task_queue)
        assert await asyncio.to_thread(started.wait, 60)
        await handle.signal("cancel")
        return await handle.result()

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Cancelling": Cancelling}, activities={"wait": wait}),
    ):
        assert official(main) == "cancelled"


class Local(WorkflowCode):
    """Returns its local activity's result."""

    def on_initialize_workflow(self, _job: Any) -> None:
        self.emit(
            schedule_local_activity={
                "seq": 1,
                "activity_id": "local",
                "activity_type": "local",
                "start_to_close_timeout": seconds(10),
                "retry_policy": {"initial_interval": seconds(0.1), "backoff_coefficient": 1.0},
            }
        )

    def on_resolve_activity(self, job: Any) -> None:
        self.complete(value(job.result.completed.result))


def test_a_local_activity_runs_without_the_server(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    def local(context: ActivityContext) -> object:
        assert context.task.is_local
        if context.task.attempt == 1:
            raise ActivityFailedError(failure("again"))
        return context.task.attempt

    async def main(other: Client) -> tuple[object, list[int]]:
        handle = await start(other, "Local", task_queue)
        result = await handle.result()
        history = await handle.fetch_history()
        return result, [event.event_type for event in history.events]

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Local": Local}, activities={"local": local}),
    ):
        result, events = official(main)
    assert result == 2
    assert EventType.EVENT_TYPE_MARKER_RECORDED in events
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in events


class Counter(WorkflowCode):
    """Adds up signals and updates. Queries return the sum; the workflow ends at 100."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = 0

    def add(self, number: int) -> None:
        self.sum += number
        if self.sum >= 100:
            self.complete(self.sum)

    def on_signal_workflow(self, job: Any) -> None:
        self.add(value(job.input[0]))

    def on_query_workflow(self, job: Any) -> None:
        result: dict[str, Any] = {"query_id": job.query_id}
        if job.query_type == "sum":
            result["succeeded"] = {"response": payload(self.sum)}
        else:
            result["failed"] = failure(f"no query {job.query_type}")
        self.emit(respond_to_query=result)

    def on_do_update(self, job: Any) -> None:
        name = job.protocol_instance_id
        number = value(job.input[0])
        if job.run_validator and number < 0:
            rejected = failure("negative")
            self.emit(update_response={"protocol_instance_id": name, "rejected": rejected})
            return
        self.emit(update_response={"protocol_instance_id": name, "accepted": {}})
        self.add(number)
        completed = payload(self.sum)
        self.emit(update_response={"protocol_instance_id": name, "completed": completed})


def test_signals_queries_and_updates(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    async def main(other: Client) -> None:
        handle = await start(other, "Counter", task_queue)
        await handle.signal("add", 5)
        assert await handle.execute_update("add", 10) == 15
        with pytest.raises(WorkflowUpdateFailedError) as rejected:
            await handle.execute_update("add", -1)
        assert isinstance(rejected.value.cause, ApplicationError)
        assert "negative" in str(rejected.value.cause)
        assert await handle.query("sum") == 15
        with pytest.raises(Exception, match="no query product"):
            await handle.query("product")
        await handle.signal("add", 85)
        assert await handle.result() == 100
        assert await handle.query("sum") == 100

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Counter": Counter}) as tasks,
    ):
        official(main)
    assert tasks.polled == tasks.completed


class Parent(WorkflowCode):
    """Returns its child's result."""

    def on_initialize_workflow(self, job: Any) -> None:
        self.emit(
            start_child_workflow_execution={
                "seq": 1,
                "namespace": "default",
                "workflow_id": f"{job.workflow_id}-child",
                "workflow_type": "Echo",
                "task_queue": self.task_queue,
                "input": [payload("from the parent")],
            }
        )

    def on_resolve_child_workflow_execution(self, job: Any) -> None:
        self.complete(value(job.result.completed.result))


def test_a_child_workflow(capi: CApi, client: Any, task_queue: str, official: Official) -> None:
    async def main(other: Client) -> object:
        return await (await start(other, "Parent", task_queue)).result()

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(
            made, workflows={"Parent": Parent, "Echo": Echo}, activities={"echo": echo}
        ) as tasks,
    ):
        assert official(main) == "from the parent"
    assert len(tasks.jobs("resolve_child_workflow_execution_start")) == 1


class Countdown(WorkflowCode):
    """Continues as new with one less, until none is left."""

    def on_initialize_workflow(self, job: Any) -> None:
        left = value(job.arguments[0])
        if left == 0:
            self.complete(job.first_execution_run_id)
        else:
            self.emit(
                continue_as_new_workflow_execution={
                    "workflow_type": "Countdown",
                    "task_queue": self.task_queue,
                    "arguments": [payload(left - 1)],
                }
            )


def test_continue_as_new(capi: CApi, client: Any, task_queue: str, official: Official) -> None:
    async def main(other: Client) -> tuple[object, str | None]:
        handle = await start(other, "Countdown", task_queue, arg=2)
        return await handle.result(), handle.first_execution_run_id

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Countdown": Countdown}) as tasks,
    ):
        result, first_run = official(main)
    assert result == first_run
    assert len({activation.run_id for activation in tasks.activations}) == 3


class NexusCaller(WorkflowCode):
    """Returns the result of a Nexus operation."""

    def on_initialize_workflow(self, job: Any) -> None:
        self.emit(
            schedule_nexus_operation={
                "seq": 1,
                "endpoint": value(job.arguments[0]),
                "service": "greetings",
                "operation": "greet",
                "input": payload("Nexus"),
                "schedule_to_close_timeout": seconds(30),
            }
        )

    def on_resolve_nexus_operation(self, job: Any) -> None:
        self.complete(value(job.result.completed))


def greet(task: NexusTask) -> NexusTaskCompletion:
    """Answer the operation that ``NexusCaller`` calls."""
    request = task.task.request.start_operation
    assert (request.service, request.operation) == ("greetings", "greet")
    answer = payload(f"hello {value(request.payload)}")
    started = StartOperationResponse(sync_success=StartOperationResponse.Sync(payload=answer))
    return NexusTaskCompletion(
        task_token=task.task.task_token, completed=Response(start_operation=started)
    )


async def create_endpoint(client: Client, task_queue: str) -> str:
    """Create a Nexus endpoint whose operations go to a task queue, and return its name."""
    name = f"endpoint-{uuid.uuid4()}"
    target = EndpointTarget.Worker(namespace="default", task_queue=task_queue)
    spec = EndpointSpec(name=name, target=EndpointTarget(worker=target))
    await client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    return name


def test_a_nexus_operation(capi: CApi, client: Any, task_queue: str, official: Official) -> None:
    async def main(other: Client) -> object:
        endpoint = await create_endpoint(other, task_queue)
        return await (await start(other, "NexusCaller", task_queue, arg=endpoint)).result()

    task_types = {"enable_workflows": True, "enable_nexus": True}
    with (
        worker(capi, client, task_queue, task_types=task_types) as made,
        TaskWorker(made, workflows={"NexusCaller": NexusCaller}, nexus=greet) as tasks,
    ):
        assert official(main) == "hello Nexus"
    assert tasks.completed["nexus_task"] == 1


class EveryKind(WorkflowCode):
    """Needs a slot of every kind: runs a local activity, an activity and a Nexus operation."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 3

    def on_initialize_workflow(self, job: Any) -> None:
        self.schedule("remote", seq=1)
        self.emit(
            schedule_local_activity={
                "seq": 2,
                "activity_id": "local",
                "activity_type": "local",
                "start_to_close_timeout": seconds(10),
            }
        )
        self.emit(
            schedule_nexus_operation={
                "seq": 3,
                "endpoint": value(job.arguments[0]),
                "service": "greetings",
                "operation": "greet",
                "input": payload("slots"),
            }
        )

    def ended(self, _job: Any) -> None:
        self.open -= 1
        if self.open == 0:
            self.complete("all")

    on_resolve_activity = ended
    on_resolve_nexus_operation = ended


def test_custom_slot_suppliers_get_the_use_of_their_slots(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    suppliers = {kind: CustomSupplier(capi) for kind in SLOT_KINDS}

    async def main(other: Client) -> object:
        endpoint = await create_endpoint(other, task_queue)
        return await (await start(other, "EveryKind", task_queue, arg=endpoint)).result()

    with (
        worker(
            capi,
            client,
            task_queue,
            suppliers={kind: custom.supplier for kind, custom in suppliers.items()},
            task_types={
                f"enable_{kind}": True
                for kind in ("workflows", "local_activities", "remote_activities", "nexus")
            },
        ) as made,
        TaskWorker(
            made,
            workflows={"EveryKind": EveryKind},
            activities={"local": lambda _: None, "remote": lambda _: None},
            nexus=greet,
        ),
    ):
        assert official(main) == "all"
    used = {kind: [info for _, info in custom.used] for kind, custom in suppliers.items()}
    assert used["activity"] == [{"kind": "activity", "activity_type": "remote"}]
    assert used["local_activity"] == [{"kind": "local activity", "activity_type": "local"}]
    assert used["nexus_task"] == [{"kind": "nexus", "operation": "greet", "service": "greetings"}]
    first, *later = used["workflow"]
    assert first == {"kind": "workflow", "workflow_type": "EveryKind", "is_sticky": False}
    assert all(info["is_sticky"] for info in later)
    assert suppliers["activity"].tries, "an activity was started together with its workflow task"
    for custom in suppliers.values():
        until(lambda custom=custom: custom.freed, "free")  # type: ignore[misc]
        assert (custom.freed, custom.late, custom.errors) == (1, [], [])
        assert sorted(permit for permit, _ in custom.released) == sorted(custom.granted)
        released = [(permit, info) for permit, info in custom.released if info is not None]
        assert sorted(permit for permit, _ in released) == sorted(
            permit for permit, _ in custom.used
        )


class Waiting(WorkflowCode):
    """Runs an activity, waits for a signal, runs it again, and returns both results."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[object] = []

    def on_initialize_workflow(self, _job: Any) -> None:
        self.schedule("count", seq=1)

    def on_signal_workflow(self, _job: Any) -> None:
        self.schedule("count", seq=2)

    def on_resolve_activity(self, job: Any) -> None:
        self.results.append(value(job.result.completed.result))
        if len(self.results) == 2:
            self.complete(self.results)


def test_a_worker_restart_in_the_middle_loses_nothing(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    runs: list[int] = []

    def count(_context: ActivityContext) -> object:
        runs.append(len(runs) + 1)
        return runs[-1]

    def tasks_of(made: Worker) -> TaskWorker:
        return TaskWorker(made, workflows={"Waiting": Waiting}, activities={"count": count})

    async def begin(other: Client) -> str:
        return (await start(other, "Waiting", task_queue)).id

    async def end(other: Client) -> object:
        handle = other.get_workflow_handle(workflow_id)
        await handle.signal("go")
        return await handle.result()

    with worker(capi, client, task_queue) as made, tasks_of(made) as first:
        workflow_id = official(begin)
        until(lambda: first.jobs("resolve_activity"), "activity result")
    with worker(capi, client, task_queue) as made, tasks_of(made) as second:
        assert official(end) == [1, 2]
    assert first.polled == first.completed
    assert second.activations[0].is_replaying
    assert second.jobs("initialize_workflow"), "the second worker began from the history"
    assert len(second.jobs("signal_workflow")) == 1


def test_an_evicted_run_is_replayed_to_the_same_commands(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    async def begin(other: Client) -> str:
        return (await start(other, "Waiting", task_queue)).id

    async def end(other: Client) -> object:
        handle = other.get_workflow_handle(workflow_id)
        await handle.signal("go")
        return await handle.result()

    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(
            made, workflows={"Waiting": Waiting}, activities={"count": lambda _context: "once"}
        ) as tasks,
    ):
        workflow_id = official(begin)
        until(lambda: tasks.completed["workflow_activation"] >= 2, "second completion")
        made.evict(tasks.activations[0].run_id)
        until(lambda: tasks.jobs("remove_from_cache"), "eviction")
        assert official(end) == ["once", "once"]
    assert "explicitly requested" in tasks.jobs("remove_from_cache")[0].message
    beginnings = [
        completion
        for activation, completion in zip(tasks.activations, tasks.completions, strict=True)
        if activation.jobs[0].WhichOneof("variant") == "initialize_workflow"
    ]
    assert len(beginnings) == 2
    assert beginnings[0] == beginnings[1]


class Fan(WorkflowCode):
    """Runs several activities at a time and returns the sum of their results."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[int] = []

    def on_initialize_workflow(self, _job: Any) -> None:
        for seq in range(5):
            self.schedule("slow", seq, seq=seq, start_to_close_timeout=seconds(5))

    def on_resolve_activity(self, job: Any) -> None:
        self.results.append(value(job.result.completed.result))
        if len(self.results) == 5:
            self.complete(sum(self.results))


def test_shutdown_under_load_completes_every_polled_task(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    def slow(context: ActivityContext) -> object:
        time.sleep(0.05)
        return context.arguments[0]

    def tasks_of(made: Worker) -> TaskWorker:
        return TaskWorker(made, workflows={"Fan": Fan}, activities={"slow": slow})

    async def begin(other: Client) -> list[str]:
        handles = await asyncio.gather(*(start(other, "Fan", task_queue) for _ in range(40)))
        return [handle.id for handle in handles]

    async def end(other: Client) -> list[object]:
        handles = [other.get_workflow_handle(workflow_id) for workflow_id in ids]
        return list(await asyncio.gather(*(handle.result() for handle in handles)))

    # Workflow tasks that wait for the first worker are soon sent to the second.
    soon = {"sticky_queue_schedule_to_start_timeout_millis": 1_000}
    with worker(capi, client, task_queue, **soon) as made, tasks_of(made) as first:
        ids = official(begin)
        until(lambda: first.completed["activity_task"] >= 20, "activity completed")
        first.shut_down()
    assert first.polled == first.completed
    assert first.cancellations > 0, "a graceful shutdown period of 0 cancels at once"
    with worker(capi, client, task_queue) as made, tasks_of(made) as second:
        assert official(end) == [10] * 40
    assert second.polled == second.completed


def test_a_worker_freed_with_an_open_workflow_task_fails_it(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    async def begin(other: Client) -> str:
        return (await start(other, "Countdown", task_queue, arg=0)).id

    async def failures(other: Client) -> list[str]:
        history = await other.get_workflow_handle(workflow_id).fetch_history()
        failed = (event.workflow_task_failed_event_attributes for event in history.events)
        return [attributes.failure.message for attributes in failed if attributes.identity]

    with worker(capi, client, task_queue) as made:
        made.validate()
        workflow_id = official(begin)
        assert made.polled(made.poll("workflow_activation")) is not None
    until(lambda: official(failures), "failure of the workflow task")
    assert official(failures) == ["The worker was freed before the workflow task was completed"]
    with (
        worker(capi, client, task_queue) as made,
        TaskWorker(made, workflows={"Countdown": Countdown}),
    ):
        official(lambda other: other.get_workflow_handle(workflow_id).result())


def test_a_worker_outlives_the_handles_it_was_made_with(
    capi: CApi, dev_server: DevServer, task_queue: str, official: Official
) -> None:
    lender = capi.lend()
    with (
        capi.runtime() as runtime,
        connection(capi, runtime, dev_server.url, identity="under-test") as short_lived,
    ):
        made = new_worker(capi, short_lived, worker_options(capi, lender, task_queue))

    async def main(other: Client) -> object:
        return await (await start(other, "Echo", task_queue, arg="still here")).result()

    with TaskWorker(made, workflows={"Echo": Echo}, activities={"echo": echo}):
        assert official(main) == "still here"
    made.free()


def test_a_replaced_connection_is_used_and_kept_open(
    capi: CApi, client: Any, dev_server: DevServer, task_queue: str, official: Official
) -> None:
    async def main(other: Client) -> list[str]:
        handle = await start(other, "Countdown", task_queue, arg=0)
        await handle.result()
        history = await handle.fetch_history()
        completed = (event.workflow_task_completed_event_attributes for event in history.events)
        return [attributes.identity for attributes in completed if attributes.identity]

    with worker(capi, client, task_queue) as made:
        with (
            capi.runtime() as another,
            connection(capi, another, dev_server.url, identity="the-replacement") as replacement,
        ):
            made.replace_client(replacement)
        with TaskWorker(made, workflows={"Countdown": Countdown}):
            assert official(main) == ["the-replacement"]


def test_validation_reports_a_missing_namespace(capi: CApi, client: Any, task_queue: str) -> None:
    with worker(capi, client, task_queue, namespace_="nowhere") as made:
        with pytest.raises(WorkerError, match="Worker validation failed: Namespace nowhere"):
            made.validate()
        made.shut_down_idle()


class Fickle(WorkflowCode):
    """Starts a timer the first time, and an activity every other time."""

    begun = 0

    def on_initialize_workflow(self, _job: Any) -> None:
        Fickle.begun += 1
        if Fickle.begun == 1:
            self.emit(start_timer={"seq": 1, "start_to_fire_timeout": seconds(300)})
        else:
            self.schedule("never")


def test_nondeterminism_fails_the_workflow_if_configured(
    capi: CApi, client: Any, task_queue: str, official: Official
) -> None:
    Fickle.begun = 0
    lender = capi.lend()

    async def begin(other: Client) -> str:
        options = {"task_timeout": timedelta(seconds=5)}
        return (await start(other, "Fickle", task_queue, **options)).id

    async def end(other: Client) -> str:
        handle = other.get_workflow_handle(workflow_id)
        await handle.signal("wake up")
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        return str(failed.value.cause)

    with (
        worker(
            capi,
            client,
            task_queue,
            nondeterminism_as_workflow_fail_for_types=lender.array(["Fickle"]),
        ) as made,
        TaskWorker(made, workflows={"Fickle": Fickle}) as tasks,
    ):
        workflow_id = official(begin)
        until(lambda: tasks.completed["workflow_activation"] >= 1, "completion")
        made.evict(tasks.activations[0].run_id)
        until(lambda: tasks.jobs("remove_from_cache"), "eviction")
        assert "ondeterminism" in official(end)
