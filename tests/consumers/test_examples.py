"""The examples, built and run as in their READMEs, in a path with a space, without Rust."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands
from tests.support.peers.breaking_proxy import ends_with_closing_peer
from tests.support.pip.consumer import Consumer
from tests.support.programs.process_status import threads
from tests.support.programs.waiting import until
from tools.dev_server import DevServer

HEADING = "Build and run"
URL = "http://127.0.0.1:7233"

PROGRAMS = {
    "cmake": "build/server_version",
    "cpp": "build/server_version",
    "go": "server_version",
    "meson": "build/server_version",
    "pkg-config": "server_version",
}
NEEDS = {"cpp": "c++", "go": "go", "pkg-config": "make"}

RESULT = 'result: "hello"'
"""The output of the event loop."""
LOG = "[temporalio_sdk_core::worker] Initiated shutdown"
THREADS = {"temporal-core", "temporal-startup", "temporal-teardown", "workflow-proces"}
"""The library's threads, by the first 15 characters of their names."""

# Without dead-code elimination, such a program has tens of megabytes.
LARGEST = 20 << 20


def test_path_has_no_rust(consumer: Consumer) -> None:
    for program in ("cargo", "rustc", "rustup"):
        assert shutil.which(program, path=consumer.environ["PATH"]) is None


@dataclass(frozen=True)
class Built:
    """An example that was built and run.

    Attributes:
        directory: the example's directory.
        program: the built program.
        output: the output of the README's commands.
    """

    directory: Path
    program: Path
    output: str


@pytest.fixture(scope="module", params=PROGRAMS)
def built(
    request: pytest.FixtureRequest,
    consumer: Consumer,
    dev_server: DevServer,
    repo_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Built:
    """Each example, built and run."""
    name: str = request.param
    require_program(NEEDS.get(name, "cc"))
    directory = tmp_path_factory.mktemp(name) / "some examples"
    shutil.copytree(repo_root / "examples", directory, ignore=shutil.ignore_patterns("zig-*"))
    (script,) = commands(directory / name / "README.md", HEADING)
    assert URL in script
    output = consumer.shell(script.replace(URL, dev_server.url), directory / name)
    return Built(directory / name, directory / name / PROGRAMS[name], output)


def test_program_connects_calls_and_prints(
    consumer: Consumer, server_version: str, built: Built
) -> None:
    assert built.output.splitlines()[-1] == f"server version: {server_version}"
    assert built.program.stat().st_size < LARGEST
    # Nothing listens on port 0.
    refused = consumer.attempt(built.program, "http://127.0.0.1:0", directory=built.directory)
    assert refused.returncode == 1
    assert "Connection failed: " in refused.stdout


def test_cpp_program_is_built_without_cmake(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    repo_root: Path,
    tmp_path: Path,
) -> None:
    require_program("g++")
    directory = tmp_path / "an example"
    shutil.copytree(repo_root / "examples" / "cpp", directory)
    (script,) = commands(directory / "README.md", "Without CMake")
    assert URL in script
    output = consumer.shell(script.replace(URL, dev_server.url), directory)
    assert output == f"server version: {server_version}\n"


def test_program_always_reports_a_server_that_closes_the_connection(
    built: Built,
) -> None:
    assert ends_with_closing_peer(built.program) == {1: 100}


@pytest.fixture(scope="module")
def event_loop(
    consumer: Consumer,
    dev_server: DevServer,
    repo_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Built:
    """The built C example that runs everything on one thread."""
    directory = tmp_path_factory.mktemp("c") / "some examples"
    shutil.copytree(repo_root / "examples" / "c", directory)
    output = consumer.shell(event_loop_script(directory, dev_server.url), directory)
    return Built(directory, directory / "event_loop", output)


def event_loop_script(directory: Path, url: str) -> str:
    """The command of its README, with this server."""
    (script,) = commands(directory / "README.md", HEADING)
    assert URL in script
    return script.replace(URL, url)


def test_event_loop_prints_the_workflows_result_and_the_workers_logs(
    consumer: Consumer, event_loop: Built
) -> None:
    lines = event_loop.output.splitlines()
    assert (lines.count(RESULT), lines.count(LOG)) == (1, 1)
    refused = consumer.attempt(
        event_loop.program, "http://127.0.0.1:0", directory=event_loop.directory
    )
    assert refused.returncode == 1
    assert refused.stdout.startswith("connect: Connection failed: ")


def test_event_loop_reports_a_server_that_closes_the_connection(event_loop: Built) -> None:
    assert ends_with_closing_peer(event_loop.program) == {1: 100}


def test_event_loop_works_without_epoll(
    consumer: Consumer, dev_server: DevServer, event_loop: Built, tmp_path: Path
) -> None:
    directory = tmp_path / "a copy"
    shutil.copytree(event_loop.directory, directory)
    script = event_loop_script(directory, dev_server.url)
    script = script.replace("-D_GNU_SOURCE", "-D_GNU_SOURCE -DNO_EPOLL")
    assert "-DNO_EPOLL" in script
    assert consumer.shell(script, directory).splitlines().count(RESULT) == 1


def test_event_loop_has_only_the_main_thread_and_those_of_the_library(
    dev_server: DevServer, event_loop: Built
) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as pipe:
        with open(writer, "wb", buffering=0) as full:
            size = fill(writer)
            # Its output does not fit into the pipe, so it blocks while its worker polls.
            process = subprocess.Popen(
                ["stdbuf", "-oL", event_loop.program, dev_server.url],
                stdout=full,
                stderr=subprocess.DEVNULL,
            )

        def others() -> set[str]:
            of_process = threads(process.pid).items()
            return {name for thread, (name, _) in of_process if thread != process.pid}

        try:
            # A thread has the name of its creator until it sets its own name.
            until(lambda: {"temporal-core", "workflow-proces"} <= others() <= THREADS, "worker")
        finally:
            output = pipe.read()
            status = process.wait()
    assert (status, output[size:].decode()) == (0, f"{RESULT}\n")


def fill(writer: int) -> int:
    """Write to a pipe until it is full, and return the number of bytes."""
    os.set_blocking(writer, False)
    size = 0
    with suppress(BlockingIOError):
        while True:
            size += os.write(writer, bytes(512))
    os.set_blocking(writer, True)
    return size


def test_event_loop_creates_no_thread_and_handles_no_signal(
    consumer: Consumer, event_loop: Built, tmp_path: Path
) -> None:
    include = f"-I{consumer.package / 'include'}"
    needed: set[str] = set()
    for name in ("event_loop.c", "messages.c"):
        compiled = tmp_path / f"{name}.o"
        source = str(event_loop.directory / name)
        subprocess.run(["cc", include, "-c", source, "-o", compiled], check=True)
        nm = subprocess.run(["nm", "-u", compiled], capture_output=True, text=True, check=True)
        needed.update(line.split()[-1] for line in nm.stdout.splitlines())
    assert {"epoll_wait", "temporal_static_libs_queue_try_next"} <= needed
    assert [it for it in needed if re.match("_*(pthread|thrd|clone|v?fork|sig|bsd_sig)", it)] == []


def test_event_loop_has_no_callbacks(event_loop: Built) -> None:
    text = "".join((event_loop.directory / it).read_text() for it in ("event_loop.c", "messages.c"))
    code = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', "", text, flags=re.S)
    functions = set(re.findall(r"^(?:static )?\w[\w ]*[ *](\w+)\([^;]*?\)\s*\{", code, re.M))
    assert {"main", "run", "handle", "answer"} <= functions
    # A use that is not a call is a value: an argument, or assigned to a pointer.
    values = set(re.findall(r"\b([a-z_]\w*)\b(?!\()", code))
    assert functions & values == set()
    assert {it for it in values if it.startswith("temporal_")} == {
        "temporal_static_libs_on_client_connect",
        "temporal_static_libs_on_client_rpc_call",
        "temporal_static_libs_on_worker",
        "temporal_static_libs_on_worker_poll",
    }
