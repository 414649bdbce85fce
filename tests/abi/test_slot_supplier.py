"""Slot suppliers that the caller implements: reservations, cancellations, and freeing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueResponse
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_result import ActivityExecutionResult
from temporalio.bridge.proto.activity_task import ActivityTask

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.slot_supplier import CustomSupplier
from tests.support.abi.worker import SLOT_KINDS, Worker, WorkerError, worker
from tests.support.programs.waiting import until

ACTIVITIES_ONLY = {"enable_remote_activities": True}


@dataclass
class Server:
    """Answers polls: with waiting tasks at once, otherwise with none after a while.

    Attributes:
        polls: names of the polls that arrived.
        tasks: activity tasks to hand out.
    """

    polls: list[str] = field(default_factory=list)
    tasks: list[bytes] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        if request.rpc.startswith("Poll"):
            self.polls.append(request.rpc)
            if request.rpc == "PollActivityTaskQueue" and self.tasks:
                return Response(self.tasks.pop())
            time.sleep(0.05)
        return Response()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(capi: CApi, server: Server) -> Iterator[Any]:
    """A connection to ``server``."""
    override = Override(capi, server.respond)
    with (
        capi.runtime() as runtime,
        connection_to(override, runtime, identity="somebody") as made,
    ):
        yield made


@pytest.fixture
def new_supplier(capi: CApi) -> Iterator[Callable[..., CustomSupplier]]:
    """Makes suppliers, and checks at the end that no error occurred in their callbacks."""
    made: list[CustomSupplier] = []

    def make(**options: Any) -> CustomSupplier:
        made.append(CustomSupplier(capi, **options))
        return made[-1]

    yield make
    assert [error for supplier in made for error in supplier.errors] == []
    assert [name for supplier in made for name in supplier.late] == []


NewSupplier = Callable[..., CustomSupplier]


@contextmanager
def activity_worker(
    capi: CApi, client: Any, supplier: CustomSupplier, **fields: Any
) -> Iterator[Worker]:
    """Make a worker for activities only, with this slot supplier."""
    with worker(
        capi,
        client,
        "custom",
        task_types=ACTIVITIES_ONLY,
        suppliers={"activity": supplier.supplier},
        **fields,
    ) as made:
        yield made


def shut_down(made: Worker, poll: Any) -> None:
    """Shut down a worker with one poll for activities in flight."""
    made.initiate_shutdown()
    assert made.polled(poll) is None
    made.finalize()


def test_reservations_name_their_worker_task_queue_and_kind(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    supplier = new_supplier()
    deployment = {
        "tag": 1,
        "deployment_based": {
            "version": {"deployment_name": {}, "build_id": {}},
            "use_worker_versioning": False,
        },
    }
    lender = capi.lend()
    deployment["deployment_based"]["version"] = {  # type: ignore[index]
        "deployment_name": lender.bytes("deployment"),
        "build_id": lender.bytes("build-7"),
    }
    with worker(
        capi,
        client,
        "a queue",
        identity_override="worker's own",
        versioning_strategy=deployment,
        suppliers={"workflow": supplier.supplier, "activity": supplier.supplier},
    ) as made:
        polls = [made.poll("workflow_activation"), made.poll("activity_task")]
        until(lambda: len({told.slot_type for told in supplier.reservations}) == 2, "both kinds")
        until(lambda: any(told.is_sticky for told in supplier.reservations), "a sticky one")
        made.initiate_shutdown()
        assert [made.polled(poll) for poll in polls] == [None, None]
        made.finalize()
    for told in supplier.reservations:
        assert told.task_queue == "a queue"
        assert told.worker_identity == "worker's own"
        assert told.worker_build_id == "build-7"
        assert told.slot_type in (0, 1)
        assert not told.is_sticky or told.slot_type == 0
    assert any(not told.is_sticky for told in supplier.reservations if told.slot_type == 0)


def test_a_poll_waits_for_the_permit_of_its_reservation(
    capi: CApi, new_supplier: NewSupplier, client: Any, server: Server
) -> None:
    supplier = new_supplier(grant=False)
    with activity_worker(capi, client, supplier) as made:
        poll = made.poll("activity_task")
        until(lambda: supplier.pending, "reservation")
        time.sleep(0.2)
        assert server.polls == []
        assert supplier.complete(supplier.pending[0])
        until(lambda: server.polls, "poll")
        until(lambda: supplier.released, "release")
        assert supplier.released[0] == (supplier.granted[0], None)
        shut_down(made, poll)


def test_a_slot_is_marked_and_released_with_its_task(
    capi: CApi, new_supplier: NewSupplier, client: Any, server: Server
) -> None:
    supplier = new_supplier()
    task = PollActivityTaskQueueResponse(
        task_token=b"token", activity_id="id", attempt=1, workflow_namespace="default"
    )
    task.activity_type.name = "typé"
    server.tasks.append(task.SerializeToString())
    with activity_worker(capi, client, supplier) as made:
        polled = made.polled(made.poll("activity_task"))
        assert polled is not None
        assert ActivityTask.FromString(polled).start.activity_type == "typé"
        ((permit, info),) = supplier.used
        assert info == {"kind": "activity", "activity_type": "typé"}
        assert (permit, info) not in supplier.released
        completion = ActivityTaskCompletion(task_token=b"token", result=ActivityExecutionResult())
        completion.result.completed.result.SetInParent()
        made.done(made.complete("activity_task", completion.SerializeToString()))
        until(lambda: (permit, info) in supplier.released, "release")
        shut_down(made, made.poll("activity_task"))


def test_a_completion_context_is_consumed_once(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    supplier = new_supplier(grant=False)
    with activity_worker(capi, client, supplier) as made:
        poll = made.poll("activity_task")
        until(lambda: supplier.pending, "reservation")
        context = supplier.pending[0]
        assert not supplier.complete(context, permit=0), "0 is not a permit"
        assert not supplier.complete_cancel(context), "nobody cancelled it"
        assert supplier.complete(context)
        assert not supplier.complete(context)
        assert not supplier.complete_cancel(context)
        shut_down(made, poll)
    assert not supplier.complete(context)
    assert not supplier.complete(capi.NULL)
    assert not supplier.complete_cancel(capi.NULL)


def test_shutdown_cancels_reservations(capi: CApi, new_supplier: NewSupplier, client: Any) -> None:
    supplier = new_supplier(grant=False)
    supplier.confirm = False
    with activity_worker(capi, client, supplier) as made:
        poll = made.poll("activity_task")
        until(lambda: supplier.pending, "reservation")
        shut_down(made, poll)
        until(lambda: supplier.cancelled, "cancellation")
        assert supplier.cancelled == supplier.pending
        (context,) = supplier.cancelled
        assert not supplier.complete(context), "it was cancelled"
        assert supplier.complete_cancel(context)
        assert not supplier.complete_cancel(context)
        assert not supplier.complete(context)
    assert supplier.granted == []


def test_contexts_may_be_answered_after_the_worker_is_freed(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    supplier = new_supplier(grant=False)
    supplier.confirm = False
    with activity_worker(capi, client, supplier) as made:
        made.poll("activity_task")
        until(lambda: supplier.pending, "reservation")
    until(lambda: supplier.freed, "free")
    (context,) = supplier.pending
    assert not supplier.complete(context)
    assert supplier.complete_cancel(context)
    assert not supplier.complete_cancel(context)


def test_a_cancellation_may_be_confirmed_inside_its_callback(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    supplier = new_supplier(grant=False)
    answers: list[bool] = []

    def on_cancel(context: Any) -> None:
        answers.append(supplier.complete(context))
        answers.append(supplier.complete_cancel(context))
        answers.append(supplier.complete_cancel(context))

    supplier.on_cancel = on_cancel
    with activity_worker(capi, client, supplier) as made:
        poll = made.poll("activity_task")
        until(lambda: supplier.pending, "reservation")
        shut_down(made, poll)
        until(lambda: supplier.cancelled, "cancellation")
    assert answers == [False, True, False]


def test_completing_and_cancelling_at_once_loses_no_permit(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    """Another thread grants while the shutdown cancels: each permit granted is released once."""
    for attempt in range(40):
        supplier = new_supplier(grant=False)
        supplier.confirm = False
        with activity_worker(capi, client, supplier) as made:
            poll = made.poll("activity_task")
            until(lambda made=supplier: made.pending, "reservation")  # type: ignore[misc]
            (context,) = supplier.pending
            completed: list[bool] = []
            granting = threading.Thread(
                target=lambda made=supplier, context=context, into=completed: into.append(
                    made.complete(context)
                )
            )
            # Both orders, and timings in between.
            if attempt % 2:
                granting.start()
                made.initiate_shutdown()
            else:
                made.initiate_shutdown()
                granting.start()
            granting.join()
            assert made.polled(poll) is None
            made.finalize()
            if not completed[0]:
                assert supplier.complete_cancel(context)
        until(lambda made=supplier: made.freed, "free")  # type: ignore[misc]
        assert [permit for permit, _ in supplier.released] == supplier.granted


@pytest.mark.parametrize("finalized", [True, False])
def test_each_supplier_is_freed_once_and_not_called_afterwards(
    capi: CApi, new_supplier: NewSupplier, client: Any, finalized: bool
) -> None:
    suppliers = {kind: new_supplier() for kind in SLOT_KINDS}
    with worker(
        capi,
        client,
        "custom",
        suppliers={kind: supplier.supplier for kind, supplier in suppliers.items()},
    ) as made:
        polls = [made.poll("workflow_activation"), made.poll("activity_task")]
        until(lambda: suppliers["activity"].reservations, "reservation")
        assert [supplier.freed for supplier in suppliers.values()] == [0, 0, 0, 0]
        if finalized:
            made.initiate_shutdown()
            assert [made.polled(poll) for poll in polls] == [None, None]
            made.finalize()
    for supplier in suppliers.values():
        until(lambda made=supplier: made.freed, "free")  # type: ignore[misc]
    time.sleep(0.1)
    assert [supplier.freed for supplier in suppliers.values()] == [1, 1, 1, 1]
    for supplier in suppliers.values():
        assert sorted(permit for permit, _ in supplier.released) == sorted(supplier.granted)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"task_types": {}}, "At least one task type", id="task-types"),
        pytest.param({"namespace_": b"\xff"}, "namespace_ is not UTF-8", id="utf-8"),
        pytest.param({"namespace_": ""}, "namespace.* empty", id="start"),
        pytest.param({"max_cached_workflows": 2**32 - 1}, "max_cached_workflows", id="cache"),
    ],
)
def test_suppliers_are_freed_when_making_the_worker_fails(
    capi: CApi, new_supplier: NewSupplier, client: Any, fields: dict[str, Any], reason: str
) -> None:
    suppliers = {kind: new_supplier() for kind in SLOT_KINDS}
    given = {kind: supplier.supplier for kind, supplier in suppliers.items()}
    with pytest.raises(WorkerError, match=reason):
        worker(capi, client, "custom", suppliers=given, **fields).__enter__()
    assert [supplier.freed for supplier in suppliers.values()] == [1, 1, 1, 1]


def test_suppliers_are_freed_when_another_one_is_wrong(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    suppliers = {kind: new_supplier() for kind in SLOT_KINDS}
    given = {kind: supplier.supplier for kind, supplier in suppliers.items()}
    given["workflow"] = {"tag": 3}
    with pytest.raises(WorkerError, match=r"workflow_slot_supplier\.tag has the invalid value 3"):
        worker(capi, client, "custom", suppliers=given).__enter__()
    assert [supplier.freed for supplier in suppliers.values()] == [0, 1, 1, 1]


@pytest.mark.parametrize(
    "missing", ["reserve", "cancel_reserve", "try_reserve", "mark_used", "release", "free"]
)
def test_a_missing_callback_is_a_failure(
    capi: CApi, new_supplier: NewSupplier, client: Any, missing: str
) -> None:
    supplier = new_supplier(without=(missing,))
    reason = rf"Invalid options: tuner\.activity_slot_supplier\.custom\.{missing} is NULL"
    with pytest.raises(WorkerError, match=reason):
        activity_worker(capi, client, supplier).__enter__()
    assert supplier.freed == (0 if missing == "free" else 1)


def test_null_callbacks_are_a_failure(capi: CApi, client: Any) -> None:
    with pytest.raises(WorkerError, match=r"activity_slot_supplier\.custom is NULL"):
        worker(capi, client, "custom", suppliers={"activity": {"tag": 2, "custom": {}}}).__enter__()


@pytest.mark.parametrize("available", [None, 0, 7, 2**64 - 1])
def test_any_number_of_available_slots_is_accepted(
    capi: CApi, new_supplier: NewSupplier, client: Any, available: int | None
) -> None:
    supplier = new_supplier(without=())
    supplier.available = available
    with activity_worker(capi, client, supplier) as made:
        poll = made.poll("activity_task")
        until(lambda: supplier.released, "release")
        shut_down(made, poll)


def test_a_worker_may_be_freed_inside_a_supplier_callback(
    capi: CApi, new_supplier: NewSupplier, client: Any
) -> None:
    supplier = new_supplier(grant=False)
    with activity_worker(capi, client, supplier) as made:

        def free_and_confirm(context: Any) -> None:
            made.free()
            supplier.complete_cancel(context)

        supplier.on_cancel = free_and_confirm
        poll = made.poll("activity_task")
        until(lambda: supplier.pending, "reservation")
        made.initiate_shutdown()
        until(lambda: supplier.cancelled, "cancellation")
        success, fail = poll.wait()
        capi.take(success)
        capi.take(fail)
    until(lambda: supplier.freed, "free")
    assert supplier.freed == 1
