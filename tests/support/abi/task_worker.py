"""A small worker on the C interface, for tests that define workflows and activities.

Workflows are objects that get each job of an activation and emit commands. Each run has one object,
which is created again if the run is not cached. Activities are functions on separate threads.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import temporalio.converter
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.bridge.proto import ActivityHeartbeat, ActivityTaskCompletion
from temporalio.bridge.proto.activity_result import ActivityExecutionResult
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.nexus import NexusTask, NexusTaskCompletion
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from tests.support.abi.worker import KINDS, Worker

_CONVERTER = temporalio.converter.DataConverter.default.payload_converter


def payload(value: object) -> Payload:
    """Convert like the official client."""
    return _CONVERTER.to_payloads([value])[0]


def value(source: Payload) -> Any:
    """Convert back, untyped."""
    return _CONVERTER.from_payloads([source])[0]


def seconds(number: float) -> Duration:
    """Return a protobuf duration."""
    return Duration(seconds=int(number), nanos=round(number % 1 * 1e9))


def failure(message: str, *, kind: str = "TestError", final: bool = False) -> Failure:
    """Return an application's failure; ``final`` ones are not retried."""
    info = ApplicationFailureInfo(type=kind, non_retryable=final)
    return Failure(message=message, application_failure_info=info)


class WorkflowCode:
    """A run of a workflow. Subclasses have an ``on_<job>`` for each job that they handle.

    Attributes:
        task_queue: the worker's task queue, for activities and children.
    """

    task_queue = ""

    def __init__(self) -> None:
        self._commands: list[WorkflowCommand] = []

    def emit(self, **command: Any) -> None:
        """Add a command, named as in ``WorkflowCommand``, to the completion."""
        self._commands.append(WorkflowCommand(**command))

    def schedule(self, activity: str, *arguments: object, seq: int = 1, **options: Any) -> None:
        """Emit a ``ScheduleActivity`` for this task queue."""
        command = {
            "seq": seq,
            "activity_id": f"{activity}-{seq}",
            "activity_type": activity,
            "task_queue": self.task_queue,
            "arguments": [payload(argument) for argument in arguments],
            "start_to_close_timeout": seconds(30),
            **options,
        }
        self.emit(schedule_activity=command)

    def complete(self, result: object) -> None:
        """Emit the workflow's completion."""
        self.emit(complete_workflow_execution={"result": payload(result)})

    def activate(self, jobs: list[WorkflowActivationJob]) -> list[WorkflowCommand]:
        """Handle each job, in order, and return the resulting commands."""
        for job in jobs:
            name = job.WhichOneof("variant")
            assert name is not None
            handler = getattr(self, f"on_{name}", None)
            if handler is not None:
                handler(getattr(job, name))
        commands, self._commands = self._commands, []
        return commands


@dataclass
class ActivityContext:
    """An activity's task, and functions to report back.

    Attributes:
        task: the ``Start`` that started it.
        cancelled: set when a cancellation arrives.
        heartbeat: reports details.
    """

    task: Any
    heartbeat: Callable[..., None]
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def arguments(self) -> list[Any]:
        """The converted input."""
        return [value(item) for item in self.task.input]


class ActivityFailedError(Exception):
    """Raised by an activity to fail with a specific failure."""

    def __init__(self, cause: Failure) -> None:
        super().__init__(cause.message)
        self.cause = cause


class ActivityCancelledError(Exception):
    """Raised by an activity to accept its cancellation."""


Activity = Callable[[ActivityContext], object]


class TaskWorker:
    """Polls and completes on separate threads until the worker is shut down.

    Attributes:
        worker: the worker to poll.
        activations: every activation that arrived, including evictions.
        completions: their completions, in the same order.
        polled: number of tasks that arrived and need a completion, by kind.
        completed: number of tasks completed, by kind.
        cancellations: number of activity cancellations that arrived.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        workflows: Mapping[str, Callable[[], WorkflowCode]] | None = None,
        activities: Mapping[str, Activity] | None = None,
        nexus: Callable[[NexusTask], NexusTaskCompletion] | None = None,
    ) -> None:
        self.worker = worker
        self.activations: list[WorkflowActivation] = []
        self.completions: list[WorkflowActivationCompletion] = []
        self.polled: Counter[str] = Counter()
        self.completed: Counter[str] = Counter()
        self.cancellations = 0
        self._workflows = workflows or {}
        self._activities = activities or {}
        self._nexus = nexus
        self._runs: dict[str, WorkflowCode] = {}
        self._running: dict[bytes, ActivityContext] = {}
        self._activity_threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()
        handlers = (self._workflow_task, self._activity_task, self._nexus_task)
        self._loops = [
            threading.Thread(target=self._guarded, args=(self._poll_loop, kind, handler))
            for kind, handler in zip(KINDS, handlers, strict=True)
        ]

    def __enter__(self) -> TaskWorker:
        self.worker.validate()
        for loop in self._loops:
            loop.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.shut_down()

    def shut_down(self) -> None:
        """Shut down as documented: initiate, drain the polls, finalize. Idempotent."""
        if not self._loops:
            return
        self.worker.initiate_shutdown()
        for thread in itertools.chain(self._loops, self._activity_threads):
            thread.join(timeout=60)
            assert not thread.is_alive(), "a poll did not drain within 60 s"
        self._loops = []
        if self._errors:
            raise self._errors[0]
        self.worker.finalize()

    def jobs(self, name: str) -> list[Any]:
        """List the jobs of one kind in all activations."""
        every = (job for activation in self.activations for job in activation.jobs)
        return [getattr(job, name) for job in every if job.WhichOneof("variant") == name]

    def _guarded(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except BaseException as error:
            self._errors.append(error)
            raise

    def _poll_loop(self, kind: str, handle: Callable[[bytes], None]) -> None:
        while (task := self.worker.polled(self.worker.poll(kind), deadline=300)) is not None:
            handle(task)

    def _complete(self, kind: str, completion: Any) -> None:
        self.worker.done(self.worker.complete(kind, completion.SerializeToString()))
        self._count(self.completed, kind)

    def _count(self, counter: Counter[str], kind: str) -> None:
        with self._lock:
            counter[kind] += 1

    def _workflow_task(self, task: bytes) -> None:
        self._count(self.polled, "workflow_activation")
        activation = WorkflowActivation.FromString(task)
        self.activations.append(activation)
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        if activation.jobs[0].WhichOneof("variant") == "remove_from_cache":
            self._runs.pop(activation.run_id, None)
        else:
            if activation.jobs[0].WhichOneof("variant") == "initialize_workflow":
                workflow_type = activation.jobs[0].initialize_workflow.workflow_type
                code = self._workflows[workflow_type]()
                code.task_queue = self.worker.task_queue
                self._runs[activation.run_id] = code
            code = self._runs[activation.run_id]
            completion.successful.commands.extend(code.activate(list(activation.jobs)))
        self.completions.append(completion)
        self._complete("workflow_activation", completion)

    def _activity_task(self, encoded: bytes) -> None:
        task = ActivityTask.FromString(encoded)
        if task.WhichOneof("variant") == "cancel":
            self.cancellations += 1
            context = self._running.get(task.task_token)
            if context is not None:
                context.cancelled.set()
            return

        self._count(self.polled, "activity_task")

        def heartbeat(*details: object) -> None:
            report = ActivityHeartbeat(
                task_token=task.task_token, details=[payload(detail) for detail in details]
            )
            self.worker.heartbeat(report.SerializeToString())

        context = ActivityContext(task.start, heartbeat)
        self._running[task.task_token] = context
        thread = threading.Thread(
            target=self._guarded, args=(self._run_activity, task.task_token, context)
        )
        self._activity_threads.append(thread)
        thread.start()

    def _run_activity(self, task_token: bytes, context: ActivityContext) -> None:
        result = ActivityExecutionResult()
        try:
            returned = self._activities[context.task.activity_type](context)
            result.completed.result.CopyFrom(payload(returned))
        except ActivityFailedError as error:
            result.failed.failure.CopyFrom(error.cause)
        except ActivityCancelledError:
            result.cancelled.failure.canceled_failure_info.SetInParent()
        self._running.pop(task_token, None)
        self._complete(
            "activity_task", ActivityTaskCompletion(task_token=task_token, result=result)
        )

    def _nexus_task(self, encoded: bytes) -> None:
        assert self._nexus is not None, "a Nexus task arrived at a worker without a handler"
        self._count(self.polled, "nexus_task")
        self._complete("nexus_task", self._nexus(NexusTask.FromString(encoded)))
