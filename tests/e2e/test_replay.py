"""Replay: the history of a real run, and invalid histories."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client

from tests.support.abi.capi import CApi
from tests.support.abi.replayer import Replayer, replayer
from tests.support.abi.rpc import connection
from tests.support.abi.task_worker import TaskWorker, WorkflowCode, seconds, value
from tests.support.abi.worker import WorkerError, worker
from tests.support.programs.waiting import until
from tools.dev_server import DevServer


class Recorded(WorkflowCode):
    """A timer, an activity, a signal and a local activity, one after the other."""

    def on_initialize_workflow(self, _job: Any) -> None:
        self.emit(start_timer={"seq": 1, "start_to_fire_timeout": seconds(0.1)})

    def on_fire_timer(self, _job: Any) -> None:
        self.schedule("work", "input", seq=2)

    def on_resolve_activity(self, job: Any) -> None:
        if job.seq == 3:
            self.complete(value(job.result.completed.result))

    def on_signal_workflow(self, job: Any) -> None:
        self.emit(
            schedule_local_activity={
                "seq": 3,
                "activity_id": "local",
                "activity_type": "work",
                "arguments": list(job.input),
                "start_to_close_timeout": seconds(10),
            }
        )


class Changed(Recorded):
    """The same, with an activity in place of the timer."""

    def on_initialize_workflow(self, _job: Any) -> None:
        self.schedule("work", "input", seq=1)


@dataclass(frozen=True)
class Recording:
    """A recorded run.

    Attributes:
        history: its history.
        completions: the worker's completions, as bytes, without evictions.
    """

    history: History
    completions: list[bytes]


def commands(completions: list[WorkflowActivationCompletion]) -> list[bytes]:
    """Return each nonempty completion without its run ID."""
    without_run = []
    for completion in completions:
        copy = WorkflowActivationCompletion(successful=completion.successful)
        if copy.successful.commands:
            without_run.append(copy.SerializeToString(deterministic=True))
    return without_run


@pytest.fixture(scope="module")
def runtime(capi: CApi) -> Iterator[Any]:
    """A runtime for the replayers."""
    with capi.runtime() as made:
        yield made


@pytest.fixture(scope="module")
def recording(capi: CApi, runtime: Any, dev_server: DevServer) -> Recording:
    """A run of ``Recorded`` on a real server."""
    task_queue = f"queue-{uuid.uuid4()}"

    async def main() -> History:
        other = await Client.connect(dev_server.address)
        handle = await other.start_workflow(
            "Recorded", id=f"recorded-{uuid.uuid4()}", task_queue=task_queue
        )
        while EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED not in await event_types(handle):
            await asyncio.sleep(0.1)
        await handle.signal("finish", "finished")
        assert await handle.result() == "finished"
        return History(events=(await handle.fetch_history()).events)

    async def event_types(handle: Any) -> list[int]:
        return [event.event_type for event in (await handle.fetch_history()).events]

    with (
        connection(capi, runtime, dev_server.url, identity="under-test") as client,
        worker(capi, client, task_queue) as made,
        TaskWorker(
            made,
            workflows={"Recorded": Recorded},
            activities={"work": lambda context: context.arguments[0]},
        ) as tasks,
    ):
        history = asyncio.run(asyncio.wait_for(main(), timeout=60))
    return Recording(history, commands(tasks.completions))


def replay(made: Replayer, code: type[WorkflowCode], task_queue: str) -> RemoveFromCache:
    """Replay one history until its eviction, and return the eviction."""
    return replay_with_commands(made, code, task_queue)[0]


def replay_with_commands(
    made: Replayer, code: type[WorkflowCode], task_queue: str
) -> tuple[RemoveFromCache, list[bytes]]:
    """Replay one history until its eviction; also return the completions before it."""
    run: WorkflowCode | None = None
    completions = []
    while True:
        task = made.polled(made.poll("workflow_activation"))
        assert task is not None, "the replay ended without an eviction"
        activation = WorkflowActivation.FromString(task)
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        evicted = activation.jobs[0].WhichOneof("variant") == "remove_from_cache"
        if not evicted:
            if run is None:
                run = code()
                run.task_queue = task_queue
            completion.successful.commands.extend(run.activate(list(activation.jobs)))
            completions.append(completion)
        made.done(made.complete("workflow_activation", completion.SerializeToString()))
        if evicted:
            return activation.jobs[0].remove_from_cache, commands(completions)


def queue_of(recording: Recording) -> str:
    started = recording.history.events[0].workflow_execution_started_event_attributes
    return started.task_queue.name


def finish(made: Replayer) -> None:
    """End the histories, drain and finalize the worker."""
    made.end()
    assert made.polled(made.poll("workflow_activation")) is None
    assert made.polled(made.poll("activity_task")) is None
    assert made.polled(made.poll("nexus_task")) is None
    made.finalize()


def test_replaying_a_history_results_in_the_same_commands(
    capi: CApi, runtime: Any, recording: Recording
) -> None:
    with replayer(capi, runtime) as made:
        made.validate()
        made.push("any-id", recording.history.SerializeToString())
        eviction, completions = replay_with_commands(made, Recorded, queue_of(recording))
        assert eviction.reason == RemoveFromCache.LANG_REQUESTED, eviction.message
        finish(made)
    assert completions == recording.completions


def test_the_workflow_id_is_the_pushed_one(capi: CApi, runtime: Any, recording: Recording) -> None:
    with replayer(capi, runtime) as made:
        made.push("wörkflow-id", recording.history.SerializeToString())
        task = made.polled(made.poll("workflow_activation"))
        assert task is not None
        activation = WorkflowActivation.FromString(task)
        assert activation.jobs[0].initialize_workflow.workflow_id == "wörkflow-id"
        assert activation.is_replaying


def test_changed_code_is_nondeterminism(capi: CApi, runtime: Any, recording: Recording) -> None:
    with replayer(capi, runtime) as made:
        made.push("any-id", recording.history.SerializeToString())
        eviction = replay(made, Changed, queue_of(recording))
        assert eviction.reason == RemoveFromCache.NONDETERMINISM
        finish(made)


def test_a_changed_history_is_nondeterminism(
    capi: CApi, runtime: Any, recording: Recording
) -> None:
    changed = History.FromString(recording.history.SerializeToString())
    (scheduled,) = (
        event.activity_task_scheduled_event_attributes
        for event in changed.events
        if event.HasField("activity_task_scheduled_event_attributes")
    )
    scheduled.activity_type.name = "other-work"
    with replayer(capi, runtime) as made:
        made.push("any-id", changed.SerializeToString())
        eviction = replay(made, Recorded, queue_of(recording))
        assert eviction.reason == RemoveFromCache.NONDETERMINISM
        assert "other-work" in eviction.message
        finish(made)


def test_histories_are_replayed_one_after_the_other(
    capi: CApi, runtime: Any, recording: Recording
) -> None:
    history = recording.history.SerializeToString()
    with replayer(capi, runtime) as made:
        for number in range(3):
            made.push(f"id-{number}", history)
        made.end()
        reasons = [
            replay(made, code, queue_of(recording)).reason for code in (Recorded, Changed, Recorded)
        ]
        assert reasons == [
            RemoveFromCache.LANG_REQUESTED,
            RemoveFromCache.NONDETERMINISM,
            RemoveFromCache.LANG_REQUESTED,
        ]
        finish(made)


def test_a_push_never_blocks(capi: CApi, runtime: Any, recording: Recording) -> None:
    history = recording.history.SerializeToString()
    with replayer(capi, runtime) as made:

        def push_all() -> None:
            for number in range(500):
                made.push(f"id-{number}", history)

        pushing = threading.Thread(target=push_all)
        began = time.monotonic()
        pushing.start()
        pushing.join(timeout=60)
        assert not pushing.is_alive()
        assert time.monotonic() - began < 30


def test_a_poll_waits_for_the_next_push(capi: CApi, runtime: Any, recording: Recording) -> None:
    with replayer(capi, runtime) as made:
        poll = made.poll("workflow_activation")
        time.sleep(0.2)
        assert not poll.answered_again()
        made.push("any-id", recording.history.SerializeToString())
        task = made.polled(poll)
        assert task is not None


def history_without(recording: Recording, *what: str) -> bytes:
    """Return the history without parts of its first event."""
    changed = History.FromString(recording.history.SerializeToString())
    started = changed.events[0].workflow_execution_started_event_attributes
    for name in what:
        started.ClearField(name)  # type: ignore[arg-type]
    return changed.SerializeToString()


def without_first_event(recording: Recording) -> bytes:
    return History(events=list(recording.history.events)[1:]).SerializeToString()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(lambda _: b"\xff\xff", "History decode failure: ", id="bytes"),
        pytest.param(lambda _: b"", "Invalid history: History is empty", id="empty"),
        pytest.param(without_first_event, "Invalid history: First event", id="beginning"),
        pytest.param(
            lambda recording: history_without(recording, "workflow_type"),
            "Invalid history: No workflow type",
            id="workflow-type",
        ),
        pytest.param(
            lambda recording: history_without(recording, "task_queue"),
            "Invalid history: the WorkflowExecutionStarted event has no task queue",
            id="task-queue",
        ),
        pytest.param(
            lambda recording: history_without(recording, "original_execution_run_id"),
            "has no original_execution_run_id",
            id="run-id",
        ),
    ],
)
def test_a_history_with_an_unusable_start_is_refused_at_the_push(
    capi: CApi, runtime: Any, recording: Recording, broken: Any, reason: str
) -> None:
    with replayer(capi, runtime) as made:
        with pytest.raises(WorkerError, match=reason):
            made.push("any-id", broken(recording))
        made.push("any-id", recording.history.SerializeToString())
        eviction = replay(made, Recorded, queue_of(recording))
        assert eviction.reason == RemoveFromCache.LANG_REQUESTED, eviction.message
        finish(made)


def test_a_truncated_history_is_replayed_to_its_end(
    capi: CApi, runtime: Any, recording: Recording
) -> None:
    events = list(recording.history.events)
    for length in range(1, len(events)):
        cut = History(events=events[:length])
        with replayer(capi, runtime) as made:
            try:
                made.push("any-id", cut.SerializeToString())
            except WorkerError:
                continue
            eviction = replay(made, Recorded, queue_of(recording))
            assert eviction.reason != RemoveFromCache.NONDETERMINISM, eviction.message
            finish(made)


def test_a_push_after_finalizing_fails(capi: CApi, runtime: Any, recording: Recording) -> None:
    with replayer(capi, runtime) as made:
        made.initiate_shutdown()
        assert made.polled(made.poll("workflow_activation")) is None
        made.finalize()
        with pytest.raises(WorkerError, match="accepts no more histories"):
            made.push("any-id", recording.history.SerializeToString())


def test_finalizing_with_an_activation_open_leaves_the_worker_usable(
    capi: CApi, runtime: Any, recording: Recording
) -> None:
    with replayer(capi, runtime) as made:
        made.push("any-id", recording.history.SerializeToString())
        task = made.polled(made.poll("workflow_activation"))
        assert task is not None
        with pytest.raises(WorkerError, match="Cannot finalize, 1 workflow activations are not"):
            made.finalize()
        run_id = WorkflowActivation.FromString(task).run_id
        malformed = WorkflowActivationCompletion(run_id=run_id)
        malformed.successful.commands.add()
        with pytest.raises(WorkerError, match="malformed workflow completion"):
            made.done(made.complete("workflow_activation", malformed.SerializeToString()))
        with pytest.raises(WorkerError, match="Cannot finalize, 1 workflow activations are not"):
            made.finalize()
        failed = WorkflowActivationCompletion(run_id=run_id)
        failed.failed.failure.message = "on purpose"
        made.done(made.complete("workflow_activation", failed.SerializeToString()))
        eviction = replay(made, Recorded, queue_of(recording))
        assert "on purpose" in eviction.message
        finish(made)


def threads_for_workflows() -> int:
    """Count the threads on which core runs workflows."""
    names = (entry.read_text() for entry in Path("/proc/self/task").glob("*/comm"))
    return sum(name.startswith("workflow-proces") for name in names)


def test_a_worker_freed_with_an_activation_open_leaves_no_thread_behind(
    capi: CApi, runtime: Any, recording: Recording
) -> None:
    until(lambda: threads_for_workflows() == 0, "end of earlier threads")
    for _ in range(5):
        with replayer(capi, runtime) as made:
            made.push("any-id", recording.history.SerializeToString())
            assert made.polled(made.poll("workflow_activation")) is not None
    until(lambda: threads_for_workflows() == 0, "end of the threads")


def test_a_replayer_has_no_connection_to_replace(
    capi: CApi, runtime: Any, dev_server: DevServer
) -> None:
    with replayer(capi, runtime) as made, connection(capi, runtime, dev_server.url) as client:
        with pytest.raises(WorkerError, match="no connection to replace"):
            made.replace_client(client)
        finish(made)


@pytest.mark.parametrize("order", ["pwr", "wpr", "rpw", "rwp"])
def test_pusher_worker_and_runtime_are_freed_in_any_order(
    capi: CApi, recording: Recording, order: str
) -> None:
    made_runtime = capi.lib.temporal_core_runtime_new(capi.new("TemporalCoreRuntimeOptions"))
    with replayer(capi, made_runtime.runtime) as made:
        made.push("any-id", recording.history.SerializeToString())
        poll = made.poll("workflow_activation")
        free: dict[str, Callable[[], Any]] = {
            "p": made.end,
            "w": made.free,
            "r": lambda: capi.lib.temporal_core_runtime_free(made_runtime.runtime),
        }
        for part in order:
            free[part]()
        # The poll ends, with any result.
        success, fail = poll.wait()
        capi.take(success)
        capi.take(fail)
