"""Workers through the C interface."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.abi.capi import Answer, CApi, Lender

KINDS = ("workflow_activation", "activity_task", "nexus_task")
"""The endings of the functions that poll and complete, for each kind of task."""

SLOT_KINDS = ("workflow", "activity", "local_activity", "nexus_task")
"""The prefixes of a tuner's fields for slot suppliers."""

SlotSupplier = dict[str, Any]
"""Initializer of a ``TemporalCoreSlotSupplier``."""


class WorkerError(Exception):
    """The ``fail`` of a call on a worker."""


def fixed_size(slots: int) -> SlotSupplier:
    """Return a slot supplier with a fixed number of slots."""
    return {"tag": 0, "fixed_size": {"num_slots": slots}}


def resource_based(
    minimum: int = 1,
    maximum: int = 10,
    throttle_ms: int = 0,
    memory: float = 0.8,
    cpu: float = 0.8,
) -> SlotSupplier:
    """Return a slot supplier that depends on memory and processor use."""
    return {
        "tag": 1,
        "resource_based": {
            "minimum_slots": minimum,
            "maximum_slots": maximum,
            "ramp_throttle_ms": throttle_ms,
            "tuner_options": {"target_memory_usage": memory, "target_cpu_usage": cpu},
        },
    }


def simple_maximum(lender: Lender, polls: int) -> dict[str, Any]:
    """Return a poller behavior with a maximum."""
    behavior = lender.struct("TemporalCorePollerBehaviorSimpleMaximum", simple_maximum=polls)
    return {"simple_maximum": behavior}


def autoscaling(lender: Lender, minimum: int, maximum: int, initial: int) -> dict[str, Any]:
    """Return a poller behavior that follows the server's suggestions."""
    behavior = lender.struct(
        "TemporalCorePollerBehaviorAutoscaling", minimum=minimum, maximum=maximum, initial=initial
    )
    return {"autoscaling": behavior}


def worker_options(api: CApi, lender: Lender, task_queue: str, **fields: Any) -> Any:
    """Make the options of a worker for workflows and both kinds of activities.

    Args:
        api: the interface.
        lender: owns the options.
        task_queue: the task queue.
        fields: fields of ``TemporalCoreWorkerOptions`` that override the defaults; strings and
            bytes become byte ranges. ``suppliers`` replaces slot suppliers by kind.
    """
    suppliers = {kind: fixed_size(100) for kind in SLOT_KINDS} | fields.pop("suppliers", {})
    values: dict[str, Any] = {
        "namespace_": "default",
        "task_queue": task_queue,
        "max_cached_workflows": 100,
        "tuner": {f"{kind}_slot_supplier": supplier for kind, supplier in suppliers.items()},
        "task_types": {
            "enable_workflows": True,
            "enable_local_activities": True,
            "enable_remote_activities": True,
        },
        "sticky_queue_schedule_to_start_timeout_millis": 10_000,
        "max_heartbeat_throttle_interval_millis": 60_000,
        "default_heartbeat_throttle_interval_millis": 30_000,
        "nonsticky_to_sticky_poll_ratio": 0.2,
        "max_eager_activity_reservations_per_workflow_task": 3,
        **{
            f"{kind}_poller_behavior": simple_maximum(lender, 2)
            for kind in ("workflow_task", "activity_task", "nexus_task")
        },
        **fields,
    }
    options = lender.struct("TemporalCoreWorkerOptions")
    for name, value in values.items():
        is_range = isinstance(value, (str, bytes))
        setattr(options, name, lender.bytes(value) if is_range else value)
    return options


class Worker:
    """A worker and the calls on it."""

    def __init__(self, api: CApi, handle: Any, task_queue: str) -> None:
        self.api = api
        self.handle = handle
        self.task_queue = task_queue

    def poll(self, kind: str) -> Answer:
        """Start a poll, for one of ``KINDS``."""
        function = f"temporal_core_worker_poll_{kind}"
        return self.api.start("TemporalCoreWorkerPollCallback", function, self.handle)

    def polled(self, answer: Answer, deadline: float = 60.0) -> bytes | None:
        """Wait for a poll; return the task's bytes, or None when the worker is shut down.

        Raises:
            WorkerError: the poll failed.
        """
        success, fail = answer.wait(deadline)
        task, message = self.api.take(success), self.api.take_text(fail)
        assert task is None or message is None
        assert not answer.answered_again()
        if message is not None:
            raise WorkerError(message)
        return task

    def complete(self, kind: str, completion: bytes | None) -> Answer:
        """Start a completion, for one of ``KINDS``."""
        answer = Answer(self.api, "TemporalCoreWorkerCallback")
        getattr(self.api.lib, f"temporal_core_worker_complete_{kind}")(
            self.handle, self.api.lend().bytes(completion), answer.user_data, answer.callback
        )
        return answer

    def done(self, answer: Answer, deadline: float = 60.0) -> None:
        """Wait for a call without a result.

        Raises:
            WorkerError: the call failed.
        """
        (fail,) = answer.wait(deadline)
        message = self.api.take_text(fail)
        assert not answer.answered_again()
        if message is not None:
            raise WorkerError(message)

    def validate(self) -> None:
        """Validate, and wait for it. Raises `WorkerError`."""
        self.done(self.start("temporal_core_worker_validate"))

    def heartbeat(self, heartbeat: bytes | None) -> None:
        """Record an activity's heartbeat. Raises `WorkerError`."""
        lender = self.api.lend()
        self._raise_if(
            self.api.lib.temporal_core_worker_record_activity_heartbeat(
                self.handle, lender.bytes(heartbeat)
            )
        )

    def replace_client(self, client: Any) -> None:
        """Use another connection. Raises `WorkerError`."""
        self._raise_if(self.api.lib.temporal_core_worker_replace_client(self.handle, client))

    def evict(self, run_id: str | bytes) -> None:
        """Ask for a run's eviction."""
        lender = self.api.lend()
        self.api.lib.temporal_core_worker_request_workflow_eviction(
            self.handle, lender.bytes(run_id)
        )

    def initiate_shutdown(self) -> None:
        """Start the shutdown."""
        self.api.lib.temporal_core_worker_initiate_shutdown(self.handle)

    def finalize(self) -> None:
        """Finalize the shutdown, and wait for it. Raises `WorkerError`."""
        self.done(self.start("temporal_core_worker_finalize_shutdown"))

    def shut_down_idle(self) -> None:
        """Shut down a worker that has no tasks: initiate, drain, finalize."""
        self.initiate_shutdown()
        for kind in KINDS:
            assert self.polled(self.poll(kind)) is None
        self.finalize()

    def state(self) -> dict[str, Any]:
        """Return its state. Raises `WorkerError`."""
        given = self.api.lib.temporal_static_libs_worker_state(self.handle)
        return self._json(given.state, given.fail)

    def ask_server(self, deadline: float = 60.0) -> dict[str, Any]:
        """Return the server's report about its task queue. Raises `WorkerError`."""
        answer = self.api.start(
            "TemporalStaticLibsWorkerAskServerCallback",
            "temporal_static_libs_worker_ask_server",
            self.handle,
        )
        success, fail = answer.wait(deadline)
        assert not answer.answered_again()
        return self._json(success, fail)

    def _json(self, text: Any, fail: Any) -> dict[str, Any]:
        given, message = self.api.take(text), self.api.take_text(fail)
        assert (given is None) == (message is not None), "JSON XOR a failure"
        if given is None:
            raise WorkerError(message)
        parsed: dict[str, Any] = json.loads(given)
        return parsed

    def start(self, function: str) -> Answer:
        """Start a call that takes only the worker and has no result."""
        return self.api.start("TemporalCoreWorkerCallback", function, self.handle)

    def free(self) -> None:
        """Free the handle; a second call does nothing."""
        handle, self.handle = self.handle, self.api.NULL
        self.api.lib.temporal_core_worker_free(handle)

    def _raise_if(self, fail: Any) -> None:
        message = self.api.take_text(fail)
        if message is not None:
            raise WorkerError(message)


def new_worker(api: CApi, client: Any, options: Any) -> Worker:
    """Make a worker, which the caller must free.

    Raises:
        WorkerError: with the library's message.
    """
    made = api.lib.temporal_core_worker_new(client, options)
    message = api.take_text(made.fail)
    assert (made.worker == api.NULL) == (message is not None), "worker XOR fail"
    if message is not None:
        raise WorkerError(message)
    return Worker(api, made.worker, api.text(options.task_queue))


@contextmanager
def worker(api: CApi, client: Any, task_queue: str, **fields: Any) -> Iterator[Worker]:
    """Make a worker, freed at the end; ``fields`` as for :func:`worker_options`.

    Raises:
        WorkerError: with the library's message.
    """
    lender = api.lend()
    made = new_worker(api, client, worker_options(api, lender, task_queue, **fields))
    try:
        yield made
    finally:
        made.free()
