"""A host that forks: the child is answered, and the parent's calls go on.

A C program forks. Its child calls the library with handles that its parent made, frees them, and
makes its own.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sysconfig
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from tests.support.programs.c_program import build_program, lines_of
from tools.dev_server import DevServer

HERE = Path(__file__).parent
MESSAGES = HERE.parent / "abi" / "messages.tsv"
SECONDS = 120.0
ANSWER_MILLIS = 1_000

REFUSED = {
    "temporal_core_client_connect": "runtime",
    "temporal_core_client_rpc_call": "client",
    "temporal_core_ephemeral_server_shutdown": "server",
    "temporal_core_ephemeral_server_start_dev_server": "runtime",
    "temporal_core_ephemeral_server_start_test_server": "runtime",
    "temporal_core_worker_complete_activity_task": "worker",
    "temporal_core_worker_complete_nexus_task": "worker",
    "temporal_core_worker_complete_workflow_activation": "worker",
    "temporal_core_worker_finalize_shutdown": "worker",
    "temporal_core_worker_new": "client",
    "temporal_core_worker_poll_activity_task": "worker",
    "temporal_core_worker_poll_nexus_task": "worker",
    "temporal_core_worker_poll_workflow_activation": "worker",
    "temporal_core_worker_record_activity_heartbeat": "worker",
    "temporal_core_worker_replace_client": "worker",
    "temporal_core_worker_replay_push": "worker",
    "temporal_core_worker_replayer_new": "runtime",
    "temporal_core_worker_validate": "worker",
    "temporal_static_libs_client_connect": "runtime",
    "temporal_static_libs_queue_next": "queue",
    "temporal_static_libs_queue_try_next": "queue",
    "temporal_static_libs_worker_ask_server": "worker",
    "temporal_static_libs_worker_state": "worker",
    "token in the child's call": "cancellation_token",
    "token for the child's connection": "cancellation_token",
    "queue for logs of the child": "extra.log_queue",
    "queue for requests of the child": "extra.grpc_override_queue",
    "connection for the child's worker": "new_client",
    "pusher for the child's replayer": "worker_replay_pusher",
}
"""Calls that fail in the child, and the argument that the failure names."""

EMPTY = {
    "the parent's random numbers": "the same",
    "temporal_core_complete_async_cancel_reserve": "false",
    "temporal_core_complete_async_reserve": "false",
    "temporal_core_metric_attributes_new": "NULL",
    "temporal_core_metric_attributes_new_append": "NULL",
    "temporal_core_metric_meter_new": "NULL",
    "temporal_core_metric_new": "NULL",
    "temporal_static_libs_queue_descriptor": "-1",
    "temporal_static_libs_queue_tag": "NULL",
}
"""Calls that do nothing in the child without a failure, and their results."""

ELSEWHERE = {
    "temporal_core_client_grpc_override_request_": "exists only in a callback, on a thread",
    "temporal_core_forwarded_log_": "exists only in a callback",
    "temporal_core_random_": "only memory, which is copied: see MIXED in fork.c",
}
"""Functions that take a handle and are not called in a child, and why."""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host program."""
    return build_program(HERE / "fork.c", tmp_path_factory.mktemp("fork"))


@pytest.fixture(scope="session")
def host(program: Path, dev_server: DevServer) -> Callable[..., list[tuple[str, str]]]:
    """Run the host with the server's address, and return what it prints, in order."""

    def run(mode: str, *arguments: str) -> list[tuple[str, str]]:
        lines = lines_of(output([program, mode, dev_server.address, *arguments]), ("what", "value"))
        return [(line["what"], line["value"]) for line in lines]

    return run


def output(command: Iterable[str | Path]) -> str:
    """Run a host and check that it reports no error."""
    done = subprocess.run(
        list(command), capture_output=True, text=True, check=False, timeout=SECONDS
    )
    # A dev server that the host starts logs there while it is not ready yet.
    errors = re.sub(r"^time=\S+ level=\w+ .*\n", "", done.stderr, flags=re.MULTILINE)
    assert (done.returncode, errors) == (0, ""), done.stdout
    return done.stdout


def beginning(function: str) -> str:
    """The beginning of a function's failures about its arguments."""
    rows = [row.split("\t") for row in MESSAGES.read_text().splitlines()[1:]]
    of_arguments = {name: begins for name, when, begins in rows if when == "an option is wrong"}
    # One row covers two functions, which it names by their endings.
    shortened = re.sub(r"_start_\w+", "_start_dev_server, _test_server", function)
    return of_arguments.get(function) or of_arguments.get(shortened, "")


@pytest.fixture(scope="session")
def answers(program: Path) -> dict[str, dict[str, str]]:
    """How each export answers in a child, by name, and the state of the parent afterwards."""
    executable = Path(sysconfig.get_path("scripts")) / "temporal"
    lines = lines_of(output([program, "exports", executable]), ("what", "millis", "how", "text"))
    return {line["what"]: line for line in lines}


def test_every_export_that_takes_a_handle_is_called_in_a_child(
    program: Path, declared: str
) -> None:
    """All functions except those that a child cannot reach or that are only memory."""
    opaque = set(re.findall(r"typedef struct (\w+) \1;", declared)) - set(
        re.findall(r"struct (\w+) \{", declared)
    )
    assert len(opaque) > 10
    takes_handle = {
        name
        for name, parameters in re.findall(r"\b(temporal_\w+)\(([^)]*)\)", declared)
        if any(re.search(rf"\b{handle} \*", parameters) for handle in opaque)
    }
    assert len(takes_handle) > 50
    elsewhere = {name for name in takes_handle if name.startswith(tuple(ELSEWHERE))}
    assert set(output([program, "list"]).split()) == takes_handle - elsewhere


def test_every_export_answers_in_a_child(answers: dict[str, dict[str, str]]) -> None:
    """If it can fail, its failure names the handle. Otherwise it does nothing."""
    wrong = []
    for what, line in answers.items():
        if what.startswith("parent: "):
            continue
        how, text, millis = line["how"], line["text"], int(line["millis"])
        if what in REFUSED:
            refusal = f"{REFUSED[what]} was made before fork"
            as_told = how == "fail" and text.endswith(refusal)
            as_told = as_told and text.startswith(beginning(what))
        else:
            as_told = how == EMPTY.get(what, "nothing")
        if not as_told or millis > ANSWER_MILLIS:
            wrong.append(f"{what}: {how} after {millis} ms: {text}")
    assert not wrong, "\n".join(wrong)


def test_no_call_of_a_child_harms_its_parent(answers: dict[str, dict[str, str]]) -> None:
    """The parent's server, connection, worker, calls, tokens, metrics and queue still work."""
    kept = {what: line["how"] for what, line in answers.items() if what.startswith("parent: ")}
    assert len(kept) == 13
    assert set(kept.values()) == {"holds"}, kept


def test_calls_and_a_worker_go_on_while_a_child_frees_everything(
    host: Callable[..., list[tuple[str, str]]], dev_server: DevServer
) -> None:
    """100 calls that wait for a task get one each, and the worker completes a workflow."""
    task_queue = f"fork-{uuid.uuid4()}"
    said = host("in-flight", task_queue)
    per_child = [("freed in time", "1"), ("descriptors fewer", "0"), ("child", "0")]
    assert said == [
        *(2 * per_child),
        ("calls in flight", "100"),
        ("calls answered", "100"),
        ("polls waiting", "3"),
        ("workflow activated", "1"),
        ("workflow completed", "1"),
        ("worker shut down", "1"),
    ]
    assert status(dev_server, f"{task_queue}-0") == WorkflowExecutionStatus.COMPLETED


def test_idle_handles_go_on_while_a_child_frees_everything(
    host: Callable[..., list[tuple[str, str]]], dev_server: DevServer
) -> None:
    """If no call holds a handle, freeing it destroys it. One runtime exports metrics."""
    task_queue = f"fork-{uuid.uuid4()}"
    said = host("idle", task_queue)
    per_child = [("freed in time", "1"), ("descriptors fewer", "0"), ("child", "0")]
    assert said == [
        *(2 * per_child),
        ("served afterwards", "1"),
        ("workflow activated", "1"),
        ("workflow completed", "1"),
        ("worker shut down", "1"),
    ]
    assert status(dev_server, f"{task_queue}-0") == WorkflowExecutionStatus.COMPLETED


def test_forks_while_8_threads_call(host: Callable[..., list[tuple[str, str]]]) -> None:
    """Each of 20 children is refused, frees everything and exits; some make a runtime."""
    children = [("child", "0")] * 20
    assert host("threads") == [*children, ("some calls", "1"), ("failed calls", "0")]


def test_logs_of_a_child_go_to_its_own_forwarder(
    host: Callable[..., list[tuple[str, str]]],
) -> None:
    """The parent's forwarder is never called in the child, but still called in the parent."""
    assert host("logs") == [
        ("of the parent's handles, in the child", "0"),
        ("of the child's handles, some", "1"),
        ("all that the parent's forwarder got in the child", "0"),
        ("child", "0"),
        ("of the parent's handles, in the parent, some", "1"),
    ]


@pytest.mark.parametrize("callback", ["log", "rpc"])
def test_a_fork_inside_a_callback(
    host: Callable[..., list[tuple[str, str]]], callback: str
) -> None:
    """On a thread of the library, the child is refused, frees, makes a runtime, and exits."""
    assert host(f"in-{callback}-callback") == [
        ("child", "0"),
        ("forked inside", "1"),
        ("served afterwards", "1"),
    ]


def test_a_child_forks(host: Callable[..., list[tuple[str, str]]]) -> None:
    """The grandchild's calls with inherited handles are refused; the child's own still work."""
    assert host("again") == [
        ("grandchild", "0"),
        ("refused in the child", "1"),
        ("served in the child", "1"),
        ("refused in the child afterwards", "1"),
        ("child", "0"),
        ("served in the parent", "1"),
    ]


def test_a_fork_after_the_runtime_is_freed(host: Callable[..., list[tuple[str, str]]]) -> None:
    """Its connection still works but is refused in the child. Freeing everything leaves nothing."""
    assert host("freed") == [
        ("child", "0"),
        ("served in the parent", "1"),
        ("child of nothing", "0"),
    ]


def test_a_child_has_its_own_queue_while_threads_use_its_parents(
    host: Callable[..., list[tuple[str, str]]],
) -> None:
    """In the child, the parent's queue reports only the reason. The parent loses no event."""
    children = [("child", "0")] * 20
    assert host("queues") == [
        *children,
        ("some events", "1"),
        ("events too few", "0"),
        ("failed calls", "0"),
        ("readable", "0"),
    ]


def status(server: DevServer, workflow: str) -> WorkflowExecutionStatus | None:
    """Return a workflow's status on the server, using the official client."""

    async def describe() -> WorkflowExecutionStatus | None:
        client = await Client.connect(server.address)
        return (await client.get_workflow_handle(workflow).describe()).status

    return asyncio.run(describe())
