"""How a blocking callback affects other calls, and what happens if a callback does not return."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.abi.capi import CApi
from tests.support.abi.grpc_override import Override, Request, Response, connection_to
from tests.support.abi.rpc import connection, outcome, start_call
from tests.support.ci.skips import require_program
from tests.support.programs.c_program import build_program, lines_of
from tools.dev_server import DevServer

HERE = Path(__file__).parent

RPC = "GetSystemInfo"

Run = Callable[..., list[tuple[str, float]]]
"""Runs the program with an action and numbers. Returns the values that it printed."""

LONGEST_DELAY = 50.0
"""Maximum milliseconds until the callback of a call that the server answers at once."""


@pytest.fixture(scope="module")
def throwing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A C++ program whose callback does not return."""
    require_program("c++")
    return build_program(HERE / "throwing.cpp", tmp_path_factory.mktemp("throwing"))


@pytest.fixture(scope="module")
def blocking(tmp_path_factory: pytest.TempPathFactory, dev_server: DevServer) -> Run:
    """A program whose callbacks block, on a runtime that allows it. Its first lines explain it."""
    program = build_program(HERE / "blocking.c", tmp_path_factory.mktemp("blocking"))

    def run(what: str, *arguments: object) -> list[tuple[str, float]]:
        command: list[str | Path] = [program, what, dev_server.address, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return [(it["what"], float(it["value"])) for it in lines_of(done.stdout, ("what", "value"))]

    return run


@pytest.mark.parametrize("thread", ["caller", "library"])
@pytest.mark.parametrize("way", ["exception", "pthread_exit"])
def test_a_callback_that_is_left_by_an_exception_or_pthread_exit_aborts_the_process(
    throwing: Path, way: str, thread: str
) -> None:
    command: list[str | Path] = [throwing, way, thread]
    ended = subprocess.run(command, stderr=subprocess.DEVNULL, check=False, timeout=60)
    assert ended.returncode == -signal.SIGABRT


def test_calls_are_answered_once_a_callback_that_blocks_has_returned(
    capi: CApi, dev_server: DevServer
) -> None:
    inside, leave = threading.Event(), threading.Event()

    def block(*_arguments: Any) -> None:
        inside.set()
        assert leave.wait(60)

    with capi.runtime() as runtime, connection(capi, runtime, dev_server.url) as client:
        blocked = start_call(capi, client, RPC, inside=block)
        try:
            assert inside.wait(30)
            others = [start_call(capi, client, RPC) for _ in range(20)]
        finally:
            leave.set()
        assert [it for it in (blocked, *others) if outcome(capi, it).success is None] == []


def test_a_call_is_not_answered_while_the_callback_that_started_it_waits(
    capi: CApi, dev_server: DevServer
) -> None:
    inner: list[Any] = []

    def wait_for_another(*_arguments: Any) -> None:
        inner.append(start_call(capi, client, RPC))
        with pytest.raises(AssertionError, match="no answer within"):
            inner[0].wait(0.5)
        inner.append(None)

    with capi.runtime() as runtime, connection(capi, runtime, dev_server.url) as client:
        outer = start_call(capi, client, RPC, inside=wait_for_another)
        assert outcome(capi, outer).success is not None
        assert outcome(capi, inner[0]).success is not None
    assert inner[1:] == [None], "the callback got an answer"


def test_a_grpc_override_can_wait_for_another_call(capi: CApi) -> None:
    """It runs on a thread that nothing else needs."""
    answers: list[bytes | None] = []

    def respond(request: Request) -> Response:
        if request.rpc == "DescribeNamespace":
            answers.append(outcome(capi, start_call(capi, client, RPC)).success)
        return Response()

    with capi.runtime() as runtime, connection_to(Override(capi, respond), runtime) as client:
        assert outcome(capi, start_call(capi, client, "DescribeNamespace")).success == b""
    assert answers == [b""]


# --- runtimes on which callbacks may block ---


def test_256_callbacks_that_block_do_not_delay_another_call(blocking: Run) -> None:
    found = blocking("delay", 256)
    delays = [value for what, value in found if what == "milliseconds"]
    assert found[3:] == [("blocked", 259), ("answered", 259), ("threads in the end", 0)]
    assert len(delays) == 3
    assert min(delays) < LONGEST_DELAY


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("threads", [0, 1])
def test_a_callback_can_wait_for_another_call(blocking: Run, threads: int, depth: int) -> None:
    """``threads``: the runtime's threads for calls; 0 is one for each processor."""
    answered = [("answered inside", float(level)) for level in range(depth, -1, -1)]
    assert blocking("wait", threads, depth) == [*answered, ("threads in the end", 0)]


@pytest.mark.parametrize("spare", [0, 3])
def test_callbacks_come_later_where_threads_run_out(blocking: Run, spare: int) -> None:
    """``spare``: how many more threads the process can create."""
    assert blocking("few", 50, spare) == [
        ("blocked", spare + 1),
        ("answered", 50),
        ("threads in the end", 0),
    ]


@pytest.mark.parametrize("where", ["thread", "callback"])
def test_threads_of_callbacks_end_when_all_is_freed(blocking: Run, where: str) -> None:
    """``where``: on a thread of the host, or inside a callback."""
    assert blocking("end", where) == [
        ("answered", 3),
        ("threads", 3),
        ("threads in the end", 0),
    ]
