"""The C surface of examples/zig-bridge: library, header, connections and calls."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path

import pytest
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import WorkflowExecutionAlreadyStartedFailure
from temporalio.api.workflowservice.v1 import (
    GetSystemInfoResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from tests.support.peers.proxy import Proxy
from tests.support.zig.bridge_build import ZigBridge
from tests.support.zig.bridge_surface import (
    ARGUMENT,
    CORE,
    RPC,
    TIMEOUT,
    BridgeError,
    Surface,
    threads_of_the_core,
    wait_until_threads_of_the_core_are,
)
from tools.dev_server import DevServer


def start_request(workflow_id: str) -> bytes:
    request = StartWorkflowExecutionRequest(
        namespace="default", workflow_id=workflow_id, request_id=f"{time.monotonic_ns()}"
    )
    request.workflow_type.name = "Surface"
    request.task_queue.name = "surface"
    return request.SerializeToString()


def test_the_library_exports_only_the_functions_of_its_header(
    zig_bridge: ZigBridge, surface: Surface
) -> None:
    declared = set(re.findall(r"\b(temporal_zig_\w+)\(", zig_bridge.header.read_text()))
    assert len(declared) == 27
    for name in declared:
        assert hasattr(surface.dll, name), name
    for name in ("temporal_core_runtime_new", "temporal_static_libs_version"):
        assert not hasattr(surface.dll, name), name


@pytest.mark.parametrize("language", [("c", "-std=c99"), ("c++", "-std=c++11")])
def test_the_header_compiles_alone(
    zig_bridge: ZigBridge, tmp_path: Path, language: tuple[str, str]
) -> None:
    source = tmp_path / "source"
    source.write_text('#include "temporal_zig_bridge.h"\n')
    flags = ("-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{zig_bridge.header.parent}")
    result = zig_bridge.zig(
        *("cc", "-x", *language, *flags, "-c", str(source), "-o", str(tmp_path / "object"))
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_call_returns_the_response(surface: Surface, bridge: int) -> None:
    answer = GetSystemInfoResponse.FromString(surface.call(bridge, b"GetSystemInfo"))
    assert answer.server_version != ""


def test_a_refusal_of_the_server_comes_with_status_and_details(
    surface: Surface, bridge: int
) -> None:
    first = surface.call(bridge, b"StartWorkflowExecution", start_request("surface-twice"))
    run_id = StartWorkflowExecutionResponse.FromString(first).run_id
    with pytest.raises(BridgeError) as raised:
        surface.call(bridge, b"StartWorkflowExecution", start_request("surface-twice"))
    assert (raised.value.kind, raised.value.grpc_status) == (RPC, 6)
    assert raised.value.grpc_details is not None
    details = GrpcStatus.FromString(raised.value.grpc_details)
    started = WorkflowExecutionAlreadyStartedFailure()
    assert details.details[0].Unpack(started)
    assert started.run_id == run_id


def test_refusals_of_core(surface: Surface, bridge: int) -> None:
    with pytest.raises(BridgeError) as unknown:
        surface.call(bridge, b"StartWorkflow")
    assert unknown.value == BridgeError(
        CORE, "StartWorkflow: Unknown RPC call StartWorkflow", 0, None
    )
    with pytest.raises(BridgeError) as undecodable:
        surface.call(bridge, b"StartWorkflowExecution", b"\xff")
    assert undecodable.value.kind == CORE
    assert "Request decode failure: " in undecodable.value.message
    with pytest.raises(BridgeError) as no_service:
        surface.call(bridge, b"GetSystemInfo", service=9)
    assert no_service.value.kind == CORE


def test_arguments_that_break_the_header_s_rules(surface: Surface, bridge: int) -> None:
    with pytest.raises(BridgeError) as no_url:
        surface.connect(None)
    assert no_url.value == BridgeError(ARGUMENT, "target_url is NULL", 0, None)
    with pytest.raises(BridgeError) as bad_url:
        surface.connect(b"http://\xff")
    assert bad_url.value == BridgeError(ARGUMENT, "target_url is not UTF-8", 0, None)
    with pytest.raises(BridgeError) as no_bridge:
        surface.call(None, b"GetSystemInfo")
    assert no_bridge.value == BridgeError(ARGUMENT, "bridge is NULL", 0, None)
    with pytest.raises(BridgeError) as no_rpc:
        surface.call(bridge, None)
    assert no_rpc.value == BridgeError(ARGUMENT, "rpc is NULL", 0, None)
    with pytest.raises(BridgeError) as no_request:
        surface.call(bridge, b"GetSystemInfo", None, size=5)
    assert no_request.value.kind == ARGUMENT
    assert surface.call(bridge, b"GetSystemInfo", None) != b""


def test_freeing_null_is_harmless_and_errors_are_optional(surface: Surface) -> None:
    surface.dll.temporal_zig_bridge_free(None)
    surface.dll.temporal_zig_bytes_free(None)
    surface.dll.temporal_zig_error_free(None)
    assert surface.dll.temporal_zig_bridge_connect(b"ftp://x", 1000, None) is None


def test_a_call_ends_at_its_timeout(surface: Surface, proxy: Proxy) -> None:
    with surface.connected(proxy.url) as bridge:
        assert surface.call(bridge, b"GetSystemInfo") != b""
        proxy.silent.set()
        started = time.monotonic()
        with pytest.raises(BridgeError) as raised:
            surface.call(bridge, b"GetSystemInfo", timeout_millis=500)
        assert 0.5 <= time.monotonic() - started < 5
    assert raised.value.kind == TIMEOUT
    assert raised.value.message.startswith("GetSystemInfo: no answer within 500 ms (")


def test_an_abandoned_attempt_leaves_nothing(surface: Surface) -> None:
    before = threads_of_the_core()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BridgeError) as raised:
            surface.connect(url.encode(), timeout_millis=300)
        assert raised.value == BridgeError(
            TIMEOUT, f"connecting to {url}: no answer within 300 ms", 0, None
        )
        wait_until_threads_of_the_core_are(before)


def test_free_stops_the_threads(surface: Surface, dev_server: DevServer) -> None:
    before = threads_of_the_core()
    with surface.connected(dev_server.url):
        assert threads_of_the_core() > before
    wait_until_threads_of_the_core_are(before)


def test_concurrent_calls(surface: Surface, bridge: int) -> None:
    answers: list[bytes] = []

    def call_often() -> None:
        for _ in range(20):
            answers.append(surface.call(bridge, b"GetSystemInfo"))

    threads = [threading.Thread(target=call_often) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 320
    assert len(set(answers)) == 1
