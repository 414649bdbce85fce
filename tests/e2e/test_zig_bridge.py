"""examples/zig-bridge: built against the installed wheel, and run against a real server."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.exceptions import ApplicationError

from temporal_static_libs._targets import TARGETS
from tests.support.peers.breaking_proxy import ends_with_closing_peer
from tests.support.peers.proxy import Proxy
from tests.support.programs.paths import RUST, search_script
from tests.support.zig.bridge_build import ZigBridge
from tests.support.zig.bridge_surface import BridgeError, Surface
from tools.dev_server import DevServer
from tools.generate.bindings import own_declarations, translate

PATIENTLY = ("--timeout-millis", "60000")
"""For programs that should succeed even on a busy machine."""


def value(output: str, label: str) -> str:
    """The text that the program printed after a label."""
    found = re.search(rf"^{label}: (.+)$", output, re.MULTILINE)
    assert found is not None, output
    return found.group(1)


async def describe(address: str, workflow: str, run: str) -> WorkflowExecutionDescription:
    client = await Client.connect(address)
    return await client.get_workflow_handle(workflow, run_id=run).describe()


async def result_of(address: str, workflow: str, run: str) -> object:
    client = await Client.connect(address)
    return await client.get_workflow_handle(workflow, run_id=run).result()


async def server_version(address: str) -> str:
    client = await Client.connect(address)
    return (await client.workflow_service.get_system_info(GetSystemInfoRequest())).server_version


@pytest.mark.parametrize(
    ("number", "fibonacci"), [(0, 0), (1, 1), (50, 12586269025), (93, 12200160415121876738)]
)
def test_the_official_client_finds_the_workflow_and_its_result(
    zig_bridge: ZigBridge, dev_server: DevServer, number: int, fibonacci: int
) -> None:
    queue = f"schlange für {number}"
    result = zig_bridge.demo(
        *("--target-url", dev_server.url, "--task-queue", queue, "--input", str(number)), *PATIENTLY
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    workflow, run = value(result.stdout, "workflow id"), value(result.stdout, "run id")

    found = asyncio.run(describe(dev_server.address, workflow, run))
    assert (found.id, found.run_id) == (workflow, run)
    assert found.workflow_type == value(result.stdout, "workflow type") == "ZigBridgeDemo"
    assert found.task_queue == value(result.stdout, "task queue") == queue
    assert found.status is WorkflowExecutionStatus.COMPLETED
    assert value(result.stdout, "status") == "completed"
    assert asyncio.run(result_of(dev_server.address, workflow, run)) == fibonacci
    assert value(result.stdout, "result") == str(fibonacci)


@pytest.mark.parametrize("text", ["94", "-1", "1.5", '"50"', "fifty"])
def test_an_invalid_input_fails_the_workflow(
    zig_bridge: ZigBridge, dev_server: DevServer, text: str
) -> None:
    result = zig_bridge.demo("--target-url", dev_server.url, "--input", text, *PATIENTLY)
    reason = "the input is not a whole number from 0 to 93"
    assert (result.returncode, result.stderr) == (
        1,
        f"zig-bridge-demo: the workflow failed: {reason}\n",
    )
    assert value(result.stdout, "status") == "failed"
    assert "result:" not in result.stdout
    workflow, run = value(result.stdout, "workflow id"), value(result.stdout, "run id")
    with pytest.raises(WorkflowFailureError) as failed:
        asyncio.run(result_of(dev_server.address, workflow, run))
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message == reason


@pytest.mark.parametrize(
    ("workflow_type", "signal", "reason"),
    [
        pytest.param(
            "Other", None, "this worker has no workflow 'Other', only 'ZigBridgeDemo'", id="type"
        ),
        pytest.param(
            "ZigBridgeDemo",
            "wake up",
            "'ZigBridgeDemo' can only be started: it cannot handle a job with field number 7",
            id="signal",
        ),
    ],
)
def test_workflow_tasks_that_the_worker_cannot_do_fail_with_the_reason(
    zig_bridge: ZigBridge,
    dev_server: DevServer,
    workflow_type: str,
    signal: str | None,
    reason: str,
) -> None:
    queue = f"queue-{uuid.uuid4()}"

    async def begin() -> str | None:
        client = await Client.connect(dev_server.address)
        handle = await client.start_workflow(
            *(workflow_type, 10),
            id=f"other-{queue}",
            task_queue=queue,
            task_timeout=timedelta(seconds=2),
            start_signal=signal,
        )
        return handle.result_run_id

    run = asyncio.run(begin())
    deadline = time.monotonic() + 120
    said = ""
    # A worker stops when its own program's workflow ends, whether it got the other workflow or not.
    while f"zig-bridge-demo: run {run}: {reason}\n" not in said:
        assert time.monotonic() < deadline
        demo = zig_bridge.demo("--target-url", dev_server.url, "--task-queue", queue, *PATIENTLY)
        assert demo.returncode == 0, demo.stderr
        assert value(demo.stdout, "result") == "12586269025"
        said = demo.stderr


def test_the_server_version_comes_from_the_server(
    zig_bridge: ZigBridge, dev_server: DevServer
) -> None:
    result = zig_bridge.demo("--target-url", dev_server.url, *PATIENTLY)
    version = asyncio.run(server_version(dev_server.address))
    assert value(result.stdout, "server version") == version


def test_a_workflow_id_in_use_is_refused_by_the_server(
    zig_bridge: ZigBridge, dev_server: DevServer
) -> None:
    async def take() -> str | None:
        client = await Client.connect(dev_server.address)
        queue = "a queue without worker"
        return (await client.start_workflow("W", id="taken", task_queue=queue)).result_run_id

    run = asyncio.run(take())
    assert run is not None
    result = zig_bridge.demo(
        *("--target-url", dev_server.url, "--workflow-id", "taken"), *PATIENTLY
    )
    assert result.returncode == 1
    assert "StartWorkflowExecution: " in result.stderr
    assert run in result.stderr
    assert "gRPC status code: 6" in result.stderr  # ALREADY_EXISTS


def test_a_workflow_id_can_be_reused_after_its_workflow_ended(
    zig_bridge: ZigBridge, dev_server: DevServer
) -> None:
    arguments = ("--target-url", dev_server.url, "--workflow-id", "taken twice", *PATIENTLY)
    first, second = zig_bridge.demo(*arguments), zig_bridge.demo(*arguments)
    for result in (first, second):
        assert value(result.stdout, "workflow id") == "taken twice"
        assert value(result.stdout, "status") == "completed"
    assert value(first.stdout, "run id") != value(second.stdout, "run id")


def test_an_unknown_namespace_is_refused_by_the_server(
    zig_bridge: ZigBridge, dev_server: DevServer
) -> None:
    result = zig_bridge.demo("--target-url", dev_server.url, "--namespace", "nirgendwo")
    assert result.returncode == 1
    assert "nirgendwo" in result.stderr
    assert "gRPC status code: 5" in result.stderr  # NOT_FOUND


@contextmanager
def taken_by_another(
    surface: Surface, bridge: int, server: DevServer, queue: str
) -> Iterator[None]:
    """Poll for a task of the queue first, and keep it."""

    async def polled() -> bool:
        client = await Client.connect(server.address)
        request = DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        return bool((await client.workflow_service.describe_task_queue(request)).pollers)

    with surface.worker(bridge, queue) as worker:
        with pytest.raises(BridgeError):  # no task yet, but core has started its polls
            surface.poll(worker, timeout_millis=100)
        deadline = time.monotonic() + 60
        while not asyncio.run(polled()):
            assert time.monotonic() < deadline
        yield


def test_a_workflow_that_does_not_end_in_time(
    zig_bridge: ZigBridge, surface: Surface, bridge: int, dev_server: DevServer
) -> None:
    queue = f"queue-{uuid.uuid4()}"
    with taken_by_another(surface, bridge, dev_server, queue):
        result = zig_bridge.demo(
            *("--target-url", dev_server.url, "--task-queue", queue, "--timeout-millis", "5000")
        )
    assert result.returncode == 1
    assert "started worker: " in result.stdout
    # A fast enough server answers shortly before the deadline in the request. The worker prints
    # nothing, because it was shut down properly.
    nothing = r"workflow \S+ has not ended|GetWorkflowExecutionHistory: no answer"
    assert re.fullmatch(rf"zig-bridge-demo: ({nothing}) within \d+ ms.*\n", result.stderr)


def test_a_server_that_stops_answering(
    zig_bridge: ZigBridge, surface: Surface, bridge: int, dev_server: DevServer, proxy: Proxy
) -> None:
    queue = f"queue-{uuid.uuid4()}"
    arguments = ("--target-url", proxy.url, "--task-queue", queue, "--timeout-millis", "5000")
    with (
        taken_by_another(surface, bridge, dev_server, queue),
        zig_bridge.demo_running(*arguments) as demo,
    ):
        assert demo.stdout is not None
        while not demo.stdout.readline().startswith("started worker: "):
            assert demo.poll() is None
        proxy.silent.set()
        _, errors = demo.communicate(timeout=120)
    assert demo.returncode == 1
    assert re.search(r"GetWorkflowExecutionHistory: no answer within \d+ ms", errors)


def test_no_server_at_the_address(zig_bridge: ZigBridge) -> None:
    with socket.socket() as unused:
        unused.bind(
            ("127.0.0.1", 0)
        )  # bound, so no other program has it; not listening, so connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = zig_bridge.demo("--target-url", url)
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"connecting to {url}: Connection failed: " in result.stderr
    assert "Connection refused" in result.stderr
    assert "temporal server start-dev" in result.stderr


def test_a_server_that_never_answers(zig_bridge: ZigBridge) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        result = zig_bridge.demo("--target-url", url, "--timeout-millis", "500")
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"connecting to {url}: no answer within 500 ms" in result.stderr


def test_a_server_that_closes_the_connection_is_always_a_failure(
    zig_bridge: ZigBridge,
) -> None:
    assert ends_with_closing_peer(zig_bridge.program, "--target-url") == {1: 100}


@pytest.mark.parametrize("url", ["127.0.0.1:7233", "ftp://127.0.0.1:7233"])
def test_an_invalid_server_url_is_refused(zig_bridge: ZigBridge, url: str) -> None:
    result = zig_bridge.demo("--target-url", url)
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"connecting to {url}: Invalid options: " in result.stderr
    assert "http://host:port" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["--traget-url", "http://x"], "unknown option '--traget-url'", id="unknown"),
        pytest.param(["--namespace"], "no value for '--namespace'", id="without value"),
        pytest.param(["--task-queue", ""], "no value for '--task-queue'", id="empty value"),
        pytest.param(["--timeout-millis", "0"], "above 0 for '--timeout-millis'", id="zero"),
        pytest.param(["--timeout-millis", "5s"], "above 0 for '--timeout-millis'", id="no number"),
    ],
)
def test_bad_usage(zig_bridge: ZigBridge, arguments: list[str], problem: str) -> None:
    result = zig_bridge.demo(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert problem in result.stderr
    assert "usage: zig-bridge-demo" in result.stderr


def test_help(zig_bridge: ZigBridge) -> None:
    result = zig_bridge.demo("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: zig-bridge-demo")


def test_unit_tests_of_the_bridge(zig_bridge: ZigBridge, config_tool: Path) -> None:
    result = zig_bridge.zig_build(
        "test", "--summary", "all", f"-Dtemporal-libs-config={config_tool}"
    )
    assert result.returncode == 0, result.stderr
    counts = re.search(r"(\d+)/(\d+) tests passed", result.stderr)
    assert counts is not None, result.stderr
    assert counts.group(1) == counts.group(2) != "0"


def test_the_installed_files_can_move(
    zig_bridge: ZigBridge, dev_server: DevServer, tmp_path: Path, config_tool: Path
) -> None:
    first = tmp_path / "first"
    built = zig_bridge.zig_build(f"-Dtemporal-libs-config={config_tool}", "--prefix", str(first))
    assert built.returncode == 0, built.stderr
    moved = ZigBridge(tmp_path / "moved")
    moved.directory.mkdir()
    first.rename(moved.directory / "zig-out")
    assert moved.demo("--target-url", dev_server.url, *PATIENTLY).returncode == 0


def test_declarations_match_its_header(unbuilt_zig_bridge: ZigBridge, tmp_path: Path) -> None:
    """The header was translated once, by Zig 0.15."""
    directory = unbuilt_zig_bridge.directory
    header = directory / "include" / "temporal_zig_bridge.h"
    translated = own_declarations(translate(Path(sys.executable), TARGETS[0], header, tmp_path))
    declared = (directory / "src" / "temporal_zig_bridge.zig").read_text()
    assert re.sub("//.*\n|\n(?=\n)", "", declared).lstrip() == translated


def test_bindings_of_another_archive_do_not_link(
    unbuilt_zig_bridge: ZigBridge, config_tool: Path, package_dir: Path, tmp_path: Path
) -> None:
    zigdir = package_dir / "share" / "zig"
    for bindings in zigdir.glob("bindings-*.zig"):
        declared = bindings.read_text()
        found = re.search(r"temporal_static_libs_\w+_abi_(\w+)\(\)", declared)
        assert found is not None
        (tmp_path / bindings.name).write_text(declared.replace(found[1], "0123456789abcdef"))
    other = tmp_path / "other"
    other.write_text(f"#!/bin/sh\n'{config_tool}' \"$@\" | sed 's|{zigdir}|{tmp_path}|g'\n")
    other.chmod(0o755)
    result = unbuilt_zig_bridge.zig_build(f"-Dtemporal-libs-config={other}")
    assert result.returncode != 0
    assert re.search(r"undefined .*temporal_static_libs_\w+_abi_0123456789abcdef", result.stderr)


def test_temporal_libs_config_is_found_on_path(
    unbuilt_zig_bridge: ZigBridge, config_tool: Path
) -> None:
    path = f"{config_tool.parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "VIRTUAL_ENV": ""}
    result = unbuilt_zig_bridge.zig_build("--help", environ=environ)
    assert result.returncode == 0
    assert "-Dtemporal-libs-config=" in result.stdout
    assert result.stderr == ""


def test_it_builds_without_rust_on_path(unbuilt_zig_bridge: ZigBridge, tmp_path: Path) -> None:
    """Programs that the build runs do not find Rust."""
    tool, found = tmp_path / "temporal-libs-config", tmp_path / "found"
    tool.write_text(f"#!/bin/sh\n{{ {search_script(*RUST, 'sh')}; }} > {found}\nexit 1\n")
    tool.chmod(0o755)
    assert unbuilt_zig_bridge.zig_build(f"-Dtemporal-libs-config={tool}").returncode != 0
    assert [Path(line).name for line in found.read_text().splitlines()] == ["sh"]


def test_temporal_libs_config_is_missing(unbuilt_zig_bridge: ZigBridge, tmp_path: Path) -> None:
    missing = str(tmp_path / "temporal-libs-config")
    result = unbuilt_zig_bridge.zig_build(f"-Dtemporal-libs-config={missing}")
    assert result.returncode != 0
    assert f"found no '{missing}'" in result.stderr
    assert "pip install temporal-static-libs" in result.stderr
    assert "-Dtemporal-libs-config=PATH" in result.stderr
    assert not (unbuilt_zig_bridge.directory / "zig-out").exists()


def test_temporal_libs_config_is_not_on_path(unbuilt_zig_bridge: ZigBridge, tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": str(tmp_path), "VIRTUAL_ENV": ""}
    result = unbuilt_zig_bridge.zig_build(environ=environ)
    assert result.returncode != 0
    assert (
        "found no temporal-libs-config in the active virtual environment, in .venv of "
        f"'{unbuilt_zig_bridge.directory}' or above, or on PATH."
    ) in result.stderr


def test_temporal_libs_config_fails(
    unbuilt_zig_bridge: ZigBridge, config_tool: Path, tmp_path: Path
) -> None:
    # The real command, set to a directory without archives.
    environ = {**os.environ, "TEMPORAL_LIBS_DIR": str(tmp_path)}
    result = unbuilt_zig_bridge.zig_build(f"-Dtemporal-libs-config={config_tool}", environ=environ)
    assert result.returncode != 0
    assert str(tmp_path) in result.stderr  # its message
    assert f"'{config_tool}' failed" in result.stderr
    assert f"{config_tool} --doctor" in result.stderr
    assert "pip install" not in result.stderr


def test_temporal_libs_config_with_unexpected_output(
    unbuilt_zig_bridge: ZigBridge, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho /lib; echo /include; echo 'm.lib'\n")
    other.chmod(0o755)
    result = unbuilt_zig_bridge.zig_build(f"-Dtemporal-libs-config={other}")
    assert result.returncode != 0
    assert f"cannot read the output of '{other} --json'" in result.stderr
    assert f"{other} --zig > temporal_libs.zig" in result.stderr
