"""Random protobuf bytes and random messages of the right types, wherever the interface takes any.

Each group has 50 examples, the same in every run. ``TEMPORAL_LIBS_FUZZ_EXAMPLES`` sets another
number, and then each run has different examples.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import request_response_pb2 as service
from temporalio.bridge.proto import ActivityHeartbeat, ActivityTaskCompletion
from temporalio.bridge.proto.nexus import NexusTaskCompletion
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.hostile import free_handle

if TYPE_CHECKING:
    from tests.support.abi.hostile_world import World

EXAMPLES = os.environ.get("TEMPORAL_LIBS_FUZZ_EXAMPLES")

bounded = settings(
    max_examples=int(EXAMPLES or 50),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""Without shrinking, because a crash ends the process, and its case names the example."""

SERVICES = {
    1: "temporalio.api.workflowservice.v1",
    2: "temporalio.api.operatorservice.v1",
    3: "temporalio.api.cloud.cloudservice.v1",
    4: "temporalio.api.testservice.v1",
}

PATIENCE = 0.2
"""Seconds to wait for something that may not happen."""

TEXTS = ("", "a", "run", "queue", "default", "\0", "\n", "\U0001f600", "x" * 3000)
BYTES = (b"", b"\0", b"\xff\xfe", b'"json"', b"\x0a\x03abc", b"x" * 3000)
NUMBERS = (0, 1, 2, 3, 5, 10, 99)


def fill(message: Any, randomness: random.Random, depth: int = 0) -> Any:
    """Set a random choice of a message's fields to values of their types."""
    descriptor: Descriptor = message.DESCRIPTOR
    for field in descriptor.fields:
        if randomness.random() < (0.3 if depth < 2 else 0.6):
            continue
        if field.message_type is not None and depth > 5:
            continue
        _set(message, field, randomness, depth)
    return message


def _set(message: Any, field: FieldDescriptor, randomness: random.Random, depth: int) -> None:
    times = randomness.choice((1, 1, 2)) if field.is_repeated else 1
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        target = getattr(message, field.name)
        if value.message_type is not None:
            fill(target[_scalar(key, randomness)], randomness, depth + 1)
        else:
            target[_scalar(key, randomness)] = _scalar(value, randomness)
        return
    for _ in range(times):
        if field.message_type is not None:
            target = getattr(message, field.name)
            inner = target.add() if field.is_repeated else target
            inner.SetInParent()
            fill(inner, randomness, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).append(_scalar(field, randomness))
        else:
            setattr(message, field.name, _scalar(field, randomness))


def _scalar(field: FieldDescriptor, randomness: random.Random) -> Any:
    kind = field.type
    if kind == FieldDescriptor.TYPE_STRING:
        return randomness.choice(TEXTS)
    if kind == FieldDescriptor.TYPE_BYTES:
        return randomness.choice(BYTES)
    if kind == FieldDescriptor.TYPE_BOOL:
        return randomness.random() < 0.5
    if kind in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return randomness.choice((0.0, 1.5, -1.0, float("nan"), float("inf")))
    if kind == FieldDescriptor.TYPE_ENUM:
        assert field.enum_type is not None
        known = [value.number for value in field.enum_type.values]
        return randomness.choice([*known, *known, 77, -1])
    bits = 64 if "64" in _TYPE_NAMES[kind] else 32
    unsigned = _TYPE_NAMES[kind].startswith(("UINT", "FIXED"))
    extremes = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, -1)
    return randomness.choice((*NUMBERS, *NUMBERS, *extremes))


_TYPE_NAMES = {
    getattr(FieldDescriptor, name): name.removeprefix("TYPE_")
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_")
}


def encoded(kind: Callable[[], Message]) -> st.SearchStrategy[bytes]:
    """Random bytes, random messages, and messages with some bytes changed."""

    def message(seed: int) -> bytes:
        return bytes(fill(kind(), random.Random(seed)).SerializeToString())

    def damaged(seed: int) -> bytes:
        data = bytearray(message(seed))
        randomness = random.Random(seed)
        for _ in range(min(3, len(data))):
            data[randomness.randrange(len(data))] = randomness.randrange(256)
        return bytes(data[: randomness.randrange(len(data) + 1)])

    seeds = st.integers(0, 2**32)
    return st.one_of(st.binary(max_size=200), seeds.map(message), seeds.map(damaged))


def fuzz_rpc(world: World) -> None:
    """Send random requests of random RPCs, and answer with random responses."""
    rpcs = []
    for number, package in SERVICES.items():
        module = __import__(f"{package}.service_pb2", fromlist=["DESCRIPTOR"])
        for declared in module.DESCRIPTOR.services_by_name.values():
            rpcs += [(number, method) for method in declared.methods]

    @bounded
    @given(st.data())
    def run(data: st.DataObject) -> None:
        number, method = data.draw(st.sampled_from(rpcs))
        request, response = data.draw(_requests(method)), data.draw(_responses(method))
        world.case(f"{method.full_name}: {request.hex()} answered {response.hex()}")

        def respond(rpc: str, handle: Any) -> bool:
            world.override.succeed(handle, response)
            return True

        world.override.respond = respond
        options = world.rpc_options(method.name.encode(), request, number)
        world.call("temporal_core_client_rpc_call", world.client, options.pointer).wait()

    run()
    world.override.respond = None


def _requests(method: Any) -> st.SearchStrategy[bytes]:
    return encoded(method.input_type._concrete_class)


def _responses(method: Any) -> st.SearchStrategy[bytes]:
    return encoded(method.output_type._concrete_class)


COMPLETIONS = {
    "workflow_activation": WorkflowActivationCompletion,
    "activity_task": ActivityTaskCompletion,
    "nexus_task": NexusTaskCompletion,
}


def fuzz_completions(world: World) -> None:
    """Send random completions, heartbeats and evictions to a worker and a replayer."""
    api, lib = world.api, world.api.lib
    workers = [world.handles["TemporalCoreWorker"], world.replayer]
    for worker in workers:
        # A worker processes completions only after its first poll.
        world.call("temporal_core_worker_poll_workflow_activation", worker)

    @bounded
    @given(st.data())
    def run(data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(workers))
        kind = data.draw(st.sampled_from(sorted(COMPLETIONS)))
        completion = data.draw(encoded(COMPLETIONS[kind]))
        world.case(f"complete {kind}: {completion.hex()}")
        lent = world.kept.bytes(completion)
        world.call(f"temporal_core_worker_complete_{kind}", worker, lent).wait()
        heartbeat = data.draw(encoded(ActivityHeartbeat))
        world.case(f"heartbeat: {heartbeat.hex()}")
        record = lib.temporal_core_worker_record_activity_heartbeat
        api.take(record(worker, world.kept.bytes(heartbeat)))
        run_id = data.draw(st.binary(max_size=20))
        world.case(f"evict: {run_id.hex()}")
        lib.temporal_core_worker_request_workflow_eviction(worker, world.kept.bytes(run_id))

    run()


def _startable(seed: int) -> bytes:
    """Return a random history with a valid beginning."""
    randomness = random.Random(seed)
    history = History()
    first = history.events.add(event_id=1, event_type=1)
    started = first.workflow_execution_started_event_attributes
    if randomness.random() < 0.5:
        fill(started, randomness, 2)
    started.original_execution_run_id = started.original_execution_run_id or "run"
    started.workflow_type.name = "type"
    started.task_queue.name = "queue"
    ordered = randomness.random() < 0.8
    for number in range(2, randomness.randrange(3, 12)):
        event = history.events.add()
        attributes = event.DESCRIPTOR.oneofs_by_name["attributes"].fields
        chosen = randomness.choice(
            [field for field in attributes if "workflow_task" in field.name]
            if randomness.random() < 0.5
            else attributes
        )
        inner = getattr(event, chosen.name)
        inner.SetInParent()
        fill(inner, randomness, 2)
        name = "EVENT_TYPE_" + chosen.name.removesuffix("_event_attributes").upper()
        known = name in set(EventType.keys())
        event.event_type = EventType.Value(name) if known else EventType.ValueType(99)
        event.event_id = number if ordered else randomness.choice(NUMBERS)
    return history.SerializeToString()


def fuzz_histories(world: World) -> None:
    """Replay random histories to their ends, with random commands in the completions."""
    api, lib = world.api, world.api.lib
    histories = st.one_of(encoded(History), st.integers(0, 2**32).map(_startable))

    @bounded
    @given(histories, st.integers(0, 2**32))
    def run(history: bytes, seed: int) -> None:
        world.case(f"history {history.hex()} seed {seed}")
        randomness = random.Random(seed)
        made = lib.temporal_core_worker_replayer_new(world.runtime, world.worker_options().pointer)
        worker, pusher = made.worker, made.worker_replay_pusher
        lend = world.kept
        pushed = lib.temporal_core_worker_replay_push(
            worker, pusher, lend.bytes("workflow"), lend.bytes(history)
        )
        refused = api.take(pushed.fail)
        free_handle(api, pusher)
        poll = "temporal_core_worker_poll_workflow_activation"
        complete = "temporal_core_worker_complete_workflow_activation"
        for _ in range(20):
            polled = world.call(poll, worker)
            # In some histories, core finds nothing to activate. Freeing the worker then answers.
            task = polled.wait(PATIENCE)[0] if polled.answers_within(PATIENCE) else None
            if task is None:
                break
            assert refused is None, "a refused history was replayed"
            activation = WorkflowActivation.FromString(task)
            completion = WorkflowActivationCompletion(run_id=activation.run_id)
            completion.successful.SetInParent()
            evicts = any(job.HasField("remove_from_cache") for job in activation.jobs)
            if not evicts and randomness.random() < 0.6:
                fill(completion.successful, randomness)
            completed = world.call(complete, worker, lend.bytes(completion.SerializeToString()))
            if not completed.answers_within(PATIENCE):
                break
        else:
            lib.temporal_core_worker_initiate_shutdown(worker)
        free_handle(api, worker)

    run()


def fuzz_tasks(world: World) -> None:
    """Send random tasks to a worker that polls and completes them."""
    api, lib = world.api, world.api.lib
    responses = {
        "PollWorkflowTaskQueue": service.PollWorkflowTaskQueueResponse,
        "PollActivityTaskQueue": service.PollActivityTaskQueueResponse,
        "PollNexusTaskQueue": service.PollNexusTaskQueueResponse,
    }

    @bounded
    @given(st.fixed_dictionaries({name: encoded(kind) for name, kind in responses.items()}))
    def run(tasks: dict[str, bytes]) -> None:
        world.case(" ".join(f"{name}: {task.hex()}" for name, task in tasks.items()))
        given_out: set[str] = set()

        def respond(rpc: str, handle: Any) -> bool:
            if rpc not in tasks or rpc in given_out:
                return False
            given_out.add(rpc)
            world.override.succeed(handle, tasks[rpc])
            return True

        world.override.respond = respond
        types = {"enable_workflows": True, "enable_remote_activities": True, "enable_nexus": True}
        worker = world.worker(task_types=types)
        calls = [world.call(f"temporal_core_worker_poll_{k}", worker) for k in COMPLETIONS]
        for kind, call in zip(COMPLETIONS, calls, strict=True):
            if not call.answers_within(PATIENCE):
                continue  # no task, or an invalid one
            completion = fill(COMPLETIONS[kind](), random.Random(1)).SerializeToString()
            lent = world.kept.bytes(completion)
            world.call(f"temporal_core_worker_complete_{kind}", worker, lent)
        world.override.respond = None
        lib.temporal_core_worker_initiate_shutdown(worker)
        free_handle(api, worker)

    run()


FUZZ = (fuzz_rpc, fuzz_completions, fuzz_histories, fuzz_tasks)
