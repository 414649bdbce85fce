"""``make endure``: each example's program against servers that close, lie, stall or are killed.

A program must end by itself each time, with exit status 0 or 1. This runs in the tests' venv; the
programs are built against a wheel in a new environment.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.docs.commands import commands
from tests.support.peers.breaking_proxy import closing_peer
from tests.support.peers.failing_peers import Serve, answering, http2, peer
from tests.support.peers.stalling_peer import IN_AN_ANSWER, Place, Reply, StallingPeer
from tests.support.pip.consumer import Consumer, make_consumer
from tests.support.zig.bridge_build import ZigBridge
from tools.dev_server import running_dev_server
from tools.zig_bridge import ZIG_HELPER

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
HEADING = "Build and run"
URL = "http://127.0.0.1:7233"

DEADLINE = 190.0
"""Seconds within which a program must end; connecting takes up to 180."""
AT_ONCE = 4

README_PROGRAMS = {
    "c": "event_loop",
    "pkg-config": "server_version",
    "cmake": "build/server_version",
    "cpp": "build/server_version",
    "meson": "build/server_version",
    "go": "server_version",
}
"""The programs that a README's commands build, by example."""

GRPC = {":status": "200", "content-type": "application/grpc"}
EMPTY_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
GOAWAY = bytes([0, 0, 8, 7, 0, 0, 0, 0, 0]) + bytes(4)

LIES: dict[str, Serve] = {
    "garbage": answering(bytes(range(256)) * 16),
    "HTTP/1": answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
    "GOAWAY, no error": answering(EMPTY_SETTINGS + GOAWAY + bytes([0, 0, 0, 0])),
    "GOAWAY, enhance your calm": answering(EMPTY_SETTINGS + GOAWAY + bytes([0, 0, 0, 11])),
    "wrong content type": http2({":status": "200", "content-type": "text/html"}),
    "HTTP status 404": http2({":status": "404", "content-type": "text/html"}),
    "gRPC status 7": http2({**GRPC, "grpc-status": "7", "grpc-message": "go away"}),
    "gRPC status 14": http2({**GRPC, "grpc-status": "14", "grpc-message": "not now"}),
    "no gRPC status": http2(GRPC),
}

PLACES = (Place.SYN, Place.ACCEPT, *IN_AN_ANSWER)
"""The places that a program without TLS and proxy can reach."""


@dataclass
class Program:
    """A built program and the results of its runs.

    Attributes:
        name: the example's name.
        command: the command that runs it; the server's URL is appended.
        runs: the number of runs.
        ended: how many ended by themselves with exit status 0 or 1.
        killed: how many ended by a signal.
        hung: how many did not end in time.
        surprises: results that differ from the expected ones.
    """

    name: str
    command: list[str | Path]
    runs: int = 0
    ended: int = 0
    killed: int = 0
    hung: int = 0
    surprises: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, url: str, situation: str, expected: Sequence[int]) -> None:
        """Run it once, and count the result.

        Args:
            url: the server's URL.
            situation: what the server does, for messages.
            expected: the possible exit statuses in this situation.
        """
        status = _exit_status([*self.command, url])
        with self._lock:
            self.runs += 1
            self.ended += status in (0, 1)
            self.killed += status is not None and status < 0
            self.hung += status is None
            if status not in expected:
                how = "did not end in time" if status is None else f"ended with {status}"
                self.surprises.append(f"{self.name}, {situation}: {how}")

    def reached(self, situation: str, it_did: bool) -> None:
        """Count a surprise if the program did not reach the situation."""
        if not it_did:
            self.surprises.append(
                f"{self.name}, {situation}: the program did not reach this situation"
            )


def _exit_status(command: list[str | Path]) -> int | None:
    """Run a program to its end; return None if it timed out and was killed."""
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, stdin=quiet, stdout=quiet, stderr=quiet, check=False, timeout=DEADLINE
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def build(directory: Path, wheel: Path) -> list[Program]:
    """Build each example's program against a wheel, and run those once that their README runs."""
    consumer = make_consumer(directory, wheel)
    examples = directory / "examples"
    left_out = shutil.ignore_patterns(".venv", ".zig-cache", "native", "node_modules", "zig-out")
    shutil.copytree(EXAMPLES, examples, ignore=left_out)
    programs = []
    with running_dev_server(progress=_say) as server:
        for name, program in README_PROGRAMS.items():
            _say(f"building {name}")
            (script,) = commands(examples / name / "README.md", HEADING)
            consumer.shell(script.replace(URL, server.url), examples / name)
            programs.append(Program(name, [examples / name / program]))
    return programs + _build_zig_and_bun(consumer, examples)


def _build_zig_and_bun(consumer: Consumer, examples: Path) -> list[Program]:
    """Build the Zig bridge once, in the directory where the Bun example searches for it."""
    _say("building zig-bridge")
    shutil.copy(ZIG_HELPER, examples / "zig-bridge")
    native = examples / "bun" / "native"
    built = ZigBridge(examples / "zig-bridge").zig_build(
        *("-Doptimize=ReleaseSafe", "--prefix", str(native)),
        f"-Dtemporal-libs-config={consumer.venv / 'bin' / 'temporal-libs-config'}",
    )
    if built.returncode != 0:
        raise SystemExit(built.stderr)
    programs = [Program("zig-bridge", [native / "bin" / "zig-bridge-demo", "--target-url"])]
    bun = Path(sysconfig.get_path("scripts"), "bun")
    if bun.is_file():
        programs.append(Program("bun", [bun, examples / "bun" / "src" / "demo.ts", "--server"]))
    return programs


def against_closing_peer(programs: list[Program], runs: int) -> None:
    """Run each program many times against a peer that closes each connection."""
    for program in programs:
        with closing_peer() as closing, ThreadPoolExecutor(AT_ONCE) as pool:
            _all(pool.submit(program.run, closing.url, "closes", (1,)) for _ in range(runs))
            program.reached("closes", closing.accepted >= runs)


def against_lies(programs: list[Program]) -> None:
    """Run each program against each peer that does not answer like a Temporal server."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        _all(
            pool.submit(_against_a_lie, program, lie, serve)
            for program in programs
            for lie, serve in LIES.items()
        )


def _against_a_lie(program: Program, lie: str, serve: Serve) -> None:
    asked = threading.Event()

    def serve_and_tell(client: socket.socket) -> None:
        asked.set()
        serve(client)

    with peer(serve_and_tell) as address:
        program.run(f"http://{address}", lie, (1,))
        program.reached(lie, asked.is_set())


def against_stalls(programs: list[Program]) -> None:
    """Run each program against peers that stall at each place, all in parallel.

    A place in an answer is used twice: in the call during connecting, and in all later calls.
    """
    stalls = [(place, 0) for place in PLACES] + [(place, 1) for place in IN_AN_ANSWER]
    with ThreadPoolExecutor(len(programs) * len(stalls)) as pool:
        _all(
            pool.submit(_against_a_stall, program, place, answered)
            for program in programs
            for place, answered in stalls
        )


def _against_a_stall(program: Program, place: Place, answered: int) -> None:
    situation = f"stalls at {place.value} after {answered} answers"
    with _stalling_peer() as stalling:
        if answered:
            stop = itertools.repeat(Reply(stop=place))
            stalling.script("", itertools.chain(itertools.repeat(Reply(), answered), stop))
        else:
            stalling.stall(place)
        program.run(stalling.target, situation, (1,))
        if place in IN_AN_ANSWER:
            program.reached(situation, len(stalling.calls) > answered)
        else:
            program.reached(situation, stalling.accepted == (place is Place.ACCEPT))


@contextmanager
def _stalling_peer() -> Iterator[StallingPeer]:
    stalling = StallingPeer()
    try:
        yield stalling
    finally:
        stalling.close()


def against_restarts(programs: list[Program], restarts: int) -> None:
    """Run each program before, while and after a server is killed and restarted."""
    with ExitStack() as stack, ThreadPoolExecutor(len(programs)) as pool:
        server = stack.enter_context(running_dev_server(progress=_say))
        port = int(server.address.rpartition(":")[2])

        def run_each(situation: str, expected: Sequence[int]) -> None:
            _all(pool.submit(it.run, server.url, situation, expected) for it in programs)

        for _ in range(restarts):
            run_each("before the restart", (0,))
            back = threading.Event()
            meanwhile = [pool.submit(_run_until, back, program, server.url) for program in programs]
            try:
                time.sleep(0.5)
                os.kill(server.process_id, signal.SIGKILL)
                stack.close()
                time.sleep(2)
                server = stack.enter_context(running_dev_server(port=port, progress=_say))
            finally:
                back.set()
            _all(meanwhile)
            run_each("after the restart", (0,))


def _run_until(end: threading.Event, program: Program, url: str) -> None:
    while not end.wait(0.05):
        program.run(url, "during the restart", (0, 1))


def _all(futures: Iterator[Future[None]] | list[Future[None]]) -> None:
    """Wait for all, and raise the exception of any."""
    for future in list(futures):
        future.result()


def table(programs: list[Program]) -> str:
    """Return the result as a table in Markdown."""
    lines = [
        "| program | runs | ended by themselves | killed by a signal | hung |",
        "|---|---:|---:|---:|---:|",
    ]
    for it in programs:
        lines.append(f"| {it.name} | {it.runs} | {it.ended} | {it.killed} | {it.hung} |")
    return "\n".join(lines)


def main() -> int:
    """Build the programs, run them, and print the table.

    Returns:
        0; 1 if a run did not end as required.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel to build with")
    parser.add_argument(
        "--runs", type=int, default=100, help="number of runs against the peer that closes"
    )
    parser.add_argument("--restarts", type=int, default=3, help="number of restarts of the server")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="temporal-endure-") as scratch:
        programs = build(Path(scratch), arguments.wheel.resolve())
        steps: dict[str, Callable[[], None]] = {
            "a peer that closes": lambda: against_closing_peer(programs, arguments.runs),
            "peers that lie": lambda: against_lies(programs),
            "a server that is killed": lambda: against_restarts(programs, arguments.restarts),
            "peers that stall; this takes three minutes": lambda: against_stalls(programs),
        }
        for name, step in steps.items():
            _say(f"running against {name}")
            step()
            _say(table(programs))
    print(table(programs))
    surprises = [surprise for program in programs for surprise in program.surprises]
    for surprise in surprises:
        _say(surprise)
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
