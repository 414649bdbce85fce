"""Signals: no thread of the library raises SIGPIPE in the host or changes the host's handling."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sysconfig
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from tests.support.peers.breaking_proxy import BreakingProxy, closing_peer
from tests.support.peers.otlp import Receiver, grpc_receiver, http_receiver
from tests.support.programs.c_program import build_program
from tests.support.programs.process_status import blocked_signals, threads
from tests.support.programs.waiting import until
from tools.dev_server import DevServer

SOURCE = Path(__file__).parent / "programs" / "host.c"
SECONDS = 60.0
CONNECTS = 100
ROUNDS = 3
WORKERS = 3
OUTAGES = 3
CONNECTS_IN_AN_OUTAGE = 10

SIGPIPE_ONLY = {int(signal.SIGPIPE)}
OF_THE_HOST = {int(signal.SIGUSR2)}
"""The signals that the host blocks, all its life."""

# The kernel keeps 15 characters of a name.
WORKERS_THREADS = {"temporal-core", "workflow-proces", "temporal-real-s"}
CALLBACKS_THREADS = {"temporal-callba"}
"""The threads of a runtime whose callbacks may block."""
METRICS_THREADS: dict[str, set[str]] = {
    "prometheus": set(),
    "grpc": {"OpenTelemetry.M"},
    "http": {"OpenTelemetry.M", "reqwest-interna"},
}

SERVERS = {
    "dev server": "dev:{program}",
    "test server": "test:{program}",
    "downloaded server": "download:{directory}",
}
"""The arguments for a host to start one."""
DOWNLOADED = "temporal-9.9.9"
"""File name of a downloaded dev server of that version."""

CONSOLE = ["logged on a thread of the library", "logged on a thread of the host", "lives"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that uses the library. Its first lines explain how."""
    return build_program(SOURCE, tmp_path_factory.mktemp("signals"))


@pytest.fixture
def breaking_proxy(dev_server: DevServer) -> Iterator[BreakingProxy]:
    """A proxy in front of the server."""
    made = BreakingProxy(dev_server.address)
    yield made
    made.close()


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Start a program with SIGPIPE at its default disposition; kill it when the block ends.

    It is also killed if it runs too long.
    """
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            watchdog.join()
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """Read the next line that a program prints; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Close a program's standard input, check that it succeeds, and return the lines it printed."""
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    return output.splitlines()


def test_a_hundred_peers_that_close_at_once_fail_the_connects(host: Path) -> None:
    with closing_peer() as peer:
        for _ in range(ROUNDS):
            done = subprocess.run(
                [host, "connect", peer.url, str(CONNECTS)],
                stdout=subprocess.PIPE,
                text=True,
                check=False,
                timeout=SECONDS,
            )
            assert (done.returncode, done.stdout) == (0, f"failed {CONNECTS}\n")
        assert peer.accepted >= ROUNDS * CONNECTS


def test_connections_that_break_under_load_fail_calls_only(
    host: Path, breaking_proxy: BreakingProxy
) -> None:
    with running(host, "load", breaking_proxy.url, "3000", "8") as process:
        assert line(process) == "loading"
        breaking_proxy.break_every(0.05)
        answered, failed = finish(process)
    assert breaking_proxy.broken > 20
    assert int(answered.removeprefix("answered ")) > 100
    assert int(failed.removeprefix("failed ")) > 20


def test_workers_outlive_a_server_that_goes_and_comes_back(
    host: Path, breaking_proxy: BreakingProxy, dev_server: DevServer
) -> None:
    queues = [f"queue-{uuid.uuid4()}" for _ in range(WORKERS)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(running(host, "work", breaking_proxy.url, queue))
            for queue in queues
        ]
        for worker in workers:
            assert line(worker) == "polling"
        for _ in range(OUTAGES):
            go_down_and_come_up(breaking_proxy, workers)
            assert [worker.poll() for worker in workers] == [None] * WORKERS
            asyncio.run(see_workflow_tasks_done(dev_server, queues))
        for worker in workers:
            assert finish(worker) == ["shut down"]


def go_down_and_come_up(proxy: BreakingProxy, workers: Iterable[subprocess.Popen[str]]) -> None:
    """Stay down until the workers have tried to connect several times, or one has ended."""
    proxy.go_down()
    enough = proxy.broken + CONNECTS_IN_AN_OUTAGE
    until(
        lambda: proxy.broken > enough or any(worker.poll() is not None for worker in workers),
        "attempt to connect",
    )
    proxy.come_up()


async def see_workflow_tasks_done(server: DevServer, queues: list[str]) -> None:
    """Start a workflow on each queue and wait until a worker has completed its first task."""
    client = await Client.connect(server.address)
    for queue in queues:
        handle = await client.start_workflow("W", id=f"workflow-{uuid.uuid4()}", task_queue=queue)
        await asyncio.wait_for(first_task_done(handle), SECONDS)


async def first_task_done(handle: WorkflowHandle[Any, Any]) -> None:
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return


@dataclass(frozen=True)
class Life:
    """The results of a host that uses everything.

    Attributes:
        chosen: signals that it blocked.
        own: signals that were blocked in its thread while everything ran.
        others: the other threads at that time: name and blocked signals.
        said: the lines that it printed at the end.
        server: signals that were blocked in the server it started; None if it started none.
    """

    chosen: set[int]
    own: set[int]
    others: list[tuple[str, set[int]]]
    said: list[str]
    server: set[int] | None


@pytest.fixture(scope="module", params=[*METRICS_THREADS, *SERVERS, "blocked", "callbacks"])
def life(
    request: pytest.FixtureRequest,
    host: Path,
    dev_server: DevServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    """Run a host that uses everything.

    Variants: each exporter, a server, SIGPIPE blocked, callbacks that may block.
    """
    kind = request.param if request.param in METRICS_THREADS else "prometheus"
    scratch = tmp_path_factory.mktemp("life")
    record = scratch / "status"
    server = dev_server.url
    if request.param in SERVERS:
        program = recording_server(scratch / DOWNLOADED, record)
        server = SERVERS[request.param].format(program=program, directory=scratch)
    also_sigpipe = request.param == "blocked"
    chosen = OF_THE_HOST | SIGPIPE_ONLY if also_sigpipe else OF_THE_HOST
    may_block = request.param == "callbacks"
    more = ["also-sigpipe"] if also_sigpipe else ["callbacks-may-block"] if may_block else []
    expected = WORKERS_THREADS | METRICS_THREADS[kind]
    if may_block:
        expected |= CALLBACKS_THREADS
    with (
        receiving(kind) as receiver,
        running(host, "life", kind, receiver.url, server, *more) as it,
    ):
        assert line(it) == "ready"
        if kind != "prometheus":
            receiver.wait_for(lambda _export: True)
        until(lambda: {name for name, _ in threads(it.pid).values()} >= expected, "such thread")
        others = threads(it.pid)
        _, own = others.pop(it.pid)
        said = finish(it)
    blocked = blocked_signals(record.read_text()) if record.exists() else None
    return Life(chosen, own, list(others.values()), said, blocked)


def receiving(kind: str) -> AbstractContextManager[Receiver]:
    """Receive the metrics of an exporter; Prometheus needs no receiver."""
    return {"grpc": grpc_receiver, "http": http_receiver}.get(
        kind, lambda: nullcontext(Receiver())
    )()


def recording_server(program: Path, record: Path) -> Path:
    """Write a program that records its signals and then becomes the dev server.

    It also starts when called like a test server, with the port first. It records them without a
    child process, because a shell that waits for one changes its mask.
    """
    executable = Path(sysconfig.get_path("scripts")) / "temporal"
    program.write_text(
        f"""#!/bin/sh
while read -r text; do echo "$text"; done < /proc/self/status > '{record}'
case $1 in
  [0-9]*) set -- server start-dev --headless --ip 127.0.0.1 --port "$1" ;;
esac
exec '{executable}' "$@"
"""
    )
    program.chmod(0o755)
    return program


def test_every_thread_of_the_library_blocks_sigpipe_and_nothing_else(life: Life) -> None:
    expected = life.chosen | SIGPIPE_ONLY
    assert [(name, mask) for name, mask in life.others if mask != expected] == []


def test_threads_that_are_there_for_a_moment_block_sigpipe_too(life: Life) -> None:
    of_threads = Counter(text.partition(":")[0] for text in life.said if text.startswith("ended "))
    assert of_threads["ended blocked"] >= len(life.others)
    assert [text for text in life.said if text.startswith("ended open")] == []


def test_the_hosts_thread_has_blocked_what_it_chose(life: Life) -> None:
    assert life.own == life.chosen


def test_no_call_changes_the_mask_of_the_hosts_thread(life: Life) -> None:
    assert [text for text in life.said if text.startswith("mask changed")] == []


def test_no_disposition_changes_in_a_whole_life(life: Life) -> None:
    assert [text for text in life.said if text.startswith("disposition changed")] == []


@pytest.mark.parametrize("life", SERVERS, indirect=True)
def test_a_server_starts_with_the_mask_that_the_host_had_when_it_made_the_runtime(
    life: Life,
) -> None:
    assert life.server == OF_THE_HOST


def console(host: Path, server: DevServer, case: str, output: int) -> tuple[int, list[str]]:
    """Run a host that logs to the console. Return its exit code and the lines of its report."""
    reading, writing = os.pipe()
    command: list[str | Path] = [host, "console", server.url, str(writing), case]
    with open(reading) as report:
        with open(writing, "w"):
            done = subprocess.run(
                command,
                stdout=output,
                stderr=output,
                pass_fds=[writing],
                check=False,
                timeout=SECONDS,
            )
        return done.returncode, report.read().splitlines()


@pytest.mark.parametrize("case", ["deliverable", "pending", "pending-for-process"])
def test_a_closed_standard_output_costs_logs_and_no_signal_of_the_hosts(
    host: Path, dev_server: DevServer, case: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    outcome = console(host, dev_server, case, writing)
    os.close(writing)
    assert outcome == (0, CONSOLE)


def test_console_logs_come_from_threads_of_both_sides(
    host: Path, dev_server: DevServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        outcome = console(host, dev_server, "deliverable", output.fileno())
    assert outcome == (0, CONSOLE)
    written = log.read_text()
    for part in ("h2::", "temporal_core_client_update_metadata: ", "Initializing worker"):
        assert part in written
