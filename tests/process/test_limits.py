"""A host with few threads, few descriptors or little memory: every call ends, with a clear failure.

A C program does everything that a worker does in its life, under a limit that starts at one of its
steps. These are real limits of the system.
"""

from __future__ import annotations

import functools
import math
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.programs.c_program import build_program, lines_of
from tools.dev_server import DevServer

HERE = Path(__file__).parent
MESSAGES = HERE.parent / "abi" / "messages.tsv"
RUNTIME_THREADS = 3
# Seconds that a step may take. The program has about twenty steps.
LONGEST_MILLIS = 10_000
LONGEST_PROGRAM = 120.0
AT_ONCE = 8

STEPS = {
    "runtime_new": "temporal_core_runtime_new",
    "runtime_new exporting": "temporal_core_runtime_new",
    "connect by number": "temporal_core_client_connect",
    "connect by name": "temporal_core_client_connect",
    "worker_new": "temporal_core_worker_new",
    "worker_new resource-based": "temporal_core_worker_new",
    "validate": "temporal_core_worker_validate",
    "complete": "temporal_core_worker_complete_workflow_activation",
    "start_test_server": "temporal_core_ephemeral_server_start_dev_server, _test_server",
    "poll workflow": "temporal_core_worker_poll_workflow_activation",
    "poll activity": "temporal_core_worker_poll_activity_task",
    "poll nexus": "temporal_core_worker_poll_nexus_task",
    "finalize_shutdown": "temporal_core_worker_finalize_shutdown",
}
"""The steps that may fail under a limit, and the rows of messages.tsv for their functions."""

RUST_FORMS = ("stack backtrace", "error(", "::", "{ ")
"""Text that occurs only in Rust's debug output, in lower case."""


@dataclass(frozen=True)
class Life:
    """The result of a run of the program.

    Attributes:
        status: its exit status.
        steps: its lines.
        errors: its standard error.
    """

    status: int
    steps: Sequence[dict[str, str]]
    errors: str

    @property
    def failed(self) -> list[str]:
        """The steps that failed."""
        return [step["step"] for step in self.steps if step["how"] == "fail"]

    def complaints(self) -> list[str]:
        """List the problems of the run."""
        found = [] if self.status == 0 else [f"exit status {self.status}"]
        if self.errors:
            found.append(f"on standard error: {self.errors[:300]}")
        for step in self.steps:
            name, how, text = step["step"], step["how"], step["text"]
            found += [f"{name}: {reason} ({how}, {text})" for reason in _wrong(name, how, text)]
            if how != "hangs" and int(step["millis"]) > LONGEST_MILLIS:
                found.append(f"{name}: took {step['millis']} ms")
        for kind in ("workflow", "activity", "nexus"):
            polls = [step["how"] for step in self.steps if step["step"] == f"poll {kind} drained"]
            if polls and polls[-1] != "both NULL":
                found.append(f"poll {kind}: never both NULL after the shutdown began")
        return found


Run = Callable[[str, str, object], Life]
"""Runs the program: the resource, the step where the limit starts, and how much is spare."""


@functools.cache
def beginnings(function: str) -> tuple[str, ...]:
    """The beginnings of a function's failures."""
    rows = [row.split("\t") for row in MESSAGES.read_text().splitlines()[1:]]
    return tuple(begins for name, _when, begins in rows if name == function)


def _wrong(step: str, how: str, text: str) -> Iterable[str]:
    """List the problems of one step."""
    call = step.removesuffix(" before shutdown").removesuffix(" drained")
    if how in ("hangs", "no answer"):
        yield "no answer"
    elif how == "both NULL" and not step.endswith(" drained"):
        yield "both NULL, and nobody asked for a shutdown"
    elif how == "fail" and call not in STEPS:
        yield "must not fail"
    elif how == "fail":
        known = beginnings(STEPS[call])
        if call == "complete":
            known += ("panic: ",)  # from core, if it has no workflow thread
        if known and not text.startswith(known):
            yield f"does not begin with one of {known}"
        yield from (f"has {form!r}" for form in RUST_FORMS if form in text.lower())


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, dev_server: DevServer) -> Run:
    """The program, with a separate server."""
    scratch = tmp_path_factory.mktemp("limits")
    program = build_program(HERE / "limits.c", scratch)

    def run(limited: str, stage: str, spare: object) -> Life:
        command: list[str] = [str(program), limited, str(spare), stage, dev_server.address]
        if limited == "stack":
            command[1:3] = ["descriptors", "1000"]
            command = ["sh", "-c", 'ulimit -S -s "$0" && exec "$@"', str(spare), *command]
        # The same number on every machine.
        environ = {**os.environ, "TOKIO_WORKER_THREADS": str(RUNTIME_THREADS)}
        done = subprocess.run(
            command,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_PROGRAM,
        )
        steps = lines_of(done.stdout, ("step", "millis", "how", "text"))
        return Life(done.returncode, steps, done.stderr)

    return run


def lives(live: Run, limited: str, stage: str, spares: Iterable[int]) -> dict[int, Life]:
    """Run the program with some limits, several at once because it mostly waits."""
    spares = list(spares)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lived = pool.map(functools.partial(live, limited, stage), spares)
        return dict(zip(spares, lived, strict=True))


def assert_all_answered(lived: dict[int, Life]) -> None:
    """Check that every run has no problems."""
    wrong = [f"{spare}: {reason}" for spare, life in lived.items() for reason in life.complaints()]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("limited", ["threads", "descriptors"])
def test_a_runtime_is_made_or_says_why_not(live: Run, limited: str) -> None:
    """For each number of spare threads or descriptors, from none to more than a worker needs."""
    most = RUNTIME_THREADS + 12 if limited == "threads" else 20
    lived = lives(live, limited, "runtime", range(most + 1))
    assert_all_answered(lived)
    assert lived[0].failed[0] == "runtime_new"
    assert lived[most].failed == ["start_test_server"], "the program that it starts is not a server"


@pytest.mark.parametrize("stage", ["connection", "worker", "validation", "polls", "shutdown"])
@pytest.mark.parametrize("limited", ["threads", "descriptors"])
def test_a_working_runtime_answers_when_nothing_is_spare(
    live: Run, limited: str, stage: str
) -> None:
    """``stage``: the step where the limit starts."""
    lived = lives(live, limited, stage, range(5))
    assert_all_answered(lived)
    if stage != "shutdown":
        assert lived[0].failed[0] != "start_test_server", "the limit had no effect"


@pytest.mark.parametrize("stage", ["end", "end-in-callback"])
def test_handles_are_freed_when_nothing_is_spare(live: Run, stage: str) -> None:
    """Also if the last one is freed on a runtime's thread."""
    assert_all_answered(lives(live, "threads", stage, range(2)))
    assert_all_answered(lives(live, "descriptors", stage, range(2)))


@pytest.mark.parametrize("stage", ["otlp-grpc", "otlp-http"])
@pytest.mark.parametrize("limited", ["threads", "descriptors"])
def test_a_runtime_that_cannot_export_metrics_is_not_made(
    live: Run, limited: str, stage: str
) -> None:
    """If a runtime is made, it has its exporting thread."""
    most = RUNTIME_THREADS + 6 if limited == "threads" else 14
    lived = lives(live, limited, stage, range(most + 1))
    assert_all_answered(lived)
    assert lived[0].failed == ["runtime_new exporting"]
    assert lived[most].failed == []


@pytest.mark.parametrize("kibibytes", [256, 1_000_000_000, None])
def test_the_limit_on_stacks_decides_nothing(live: Run, kibibytes: int | None) -> None:
    """Threads of the library have the same stack size, whatever the host's limit is.

    ``kibibytes``: None is no limit.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = math.inf if kibibytes is None else kibibytes
    allowed = math.inf if hard == resource.RLIM_INFINITY else hard // 1024
    least = min(wanted, allowed)
    life = live("stack", "runtime", "unlimited" if least == math.inf else int(least))
    assert life.complaints() == []
    assert life.failed == ["start_test_server"]


def test_little_memory_is_a_failure_or_an_abort_and_never_a_hang(
    live: Run,
) -> None:
    """No room for a thread's stack is a failure; no room for an allocation aborts."""
    lived = lives(live, "memory", "runtime", (1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 128))
    assert lived[1].failed[0] == "runtime_new"
    assert lived[128].failed == ["start_test_server"]
    aborted = {
        spare
        for spare, life in lived.items()
        if life.status == -signal.SIGABRT and "memory allocation of" in life.errors
    }
    assert_all_answered({spare: life for spare, life in lived.items() if spare not in aborted})
