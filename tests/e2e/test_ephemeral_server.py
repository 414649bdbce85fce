"""Ephemeral servers, started from the real executable."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from tests.support.abi.capi import Answer, CApi
from tests.support.abi.ephemeral_server import (
    EXECUTABLE,
    common_options,
    dev_server_options,
    ended,
    free_port,
    only_process,
)
from tests.support.programs.waiting import until


class StartError(Exception):
    """The ``fail`` of a start."""


@dataclass
class Server:
    """A started server.

    Attributes:
        handle: the handle, which must be shut down or freed.
        target: the address where it serves.
    """

    api: CApi
    handle: Any
    target: str

    @property
    def port(self) -> int:
        return int(self.target.rpartition(":")[2])

    def shutdown(self) -> str | None:
        """Shut down, and return the failure, if any."""
        answer = self.api.start(
            "TemporalCoreEphemeralServerShutdownCallback",
            "temporal_core_ephemeral_server_shutdown",
            self.handle,
        )
        return self.api.take_text(answer.wait()[0])

    def free(self) -> None:
        """Free the handle; a second call does nothing."""
        handle, self.handle = self.handle, self.api.NULL
        self.api.lib.temporal_core_ephemeral_server_free(handle)


def start_dev_server(api: CApi, runtime: Any, **fields: Any) -> Answer:
    """Start a dev server; ``fields`` as for `dev_server_options`."""
    lender = api.lend()
    return api.start(
        "TemporalCoreEphemeralServerStartCallback",
        "temporal_core_ephemeral_server_start_dev_server",
        runtime,
        dev_server_options(api, lender, **fields),
    )


def started(api: CApi, answer: Answer) -> Server:
    """Wait for a start. Raises `StartError`."""
    success, target, fail = answer.wait()
    where, message = api.take_text(target), api.take_text(fail)
    assert (success == api.NULL) == (where is None) == (message is not None)
    if where is None:
        raise StartError(message)
    return Server(api, success, where)


@contextmanager
def dev_server_process(api: CApi, runtime: Any, **fields: Any) -> Iterator[Server]:
    """Run with a dev server of the real executable; freed at the end."""
    fields = {"existing_path": str(EXECUTABLE), **fields}
    server = started(api, start_dev_server(api, runtime, **fields))
    try:
        yield server
    finally:
        server.free()


@pytest.fixture(scope="module")
def runtime(capi: CApi) -> Iterator[Any]:
    """A runtime for all servers."""
    with capi.runtime() as made:
        yield made


def describe(target: str, namespace: str) -> str:
    """Describe a namespace on the server with the official client."""

    async def main() -> str:
        client = await Client.connect(target)
        described = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace)
        )
        return described.namespace_info.name

    return asyncio.run(asyncio.wait_for(main(), timeout=30))


def test_a_dev_server_starts_serves_and_shuts_down(
    capi: CApi, runtime: Any, tmp_path: Path
) -> None:
    database = tmp_path / "state.db"
    with dev_server_process(
        capi,
        runtime,
        namespace_="ephemeral",
        database_filename=str(database),
        extra_args="--search-attribute\nTest=Keyword\n--dynamic-config-value\nfrontend.rps=9999",
        log_level="error",
        log_format="json",
    ) as server:
        assert server.target.startswith("127.0.0.1:")
        assert describe(server.target, "ephemeral") == "ephemeral"
        process, arguments = only_process(server.port)
        assert arguments[-4:] == [
            "--search-attribute",
            "Test=Keyword",
            "--dynamic-config-value",
            "frontend.rps=9999",
        ]
        assert "--headless" in arguments
        assert arguments[arguments.index("--log-level") + 1] == "error"
        assert arguments[arguments.index("--log-format") + 1] == "json"
        assert database.exists()
        assert server.shutdown() is None
        assert ended(process)
        assert server.shutdown() is None, "a second shutdown failed"


def test_freeing_without_shutdown_kills_and_reaps(capi: CApi, runtime: Any) -> None:
    port, ui_port = free_port(), free_port()
    with dev_server_process(capi, runtime, port=port, ui_port=ui_port) as server:
        assert server.target == f"127.0.0.1:{port}"
        with urllib.request.urlopen(f"http://127.0.0.1:{ui_port}", timeout=30) as page:
            assert page.status == 200
        process, _ = only_process(port)
    until(lambda: ended(process), "end of the process")


def test_a_server_on_another_address_outlives_its_runtime(capi: CApi) -> None:
    with capi.runtime() as short_lived:
        answer = start_dev_server(capi, short_lived, existing_path=str(EXECUTABLE), ip="127.0.0.2")
        server = started(capi, answer)
    assert server.target.startswith("127.0.0.2:")
    assert describe(server.target, "default") == "default"
    process, _ = only_process(server.port)
    assert server.shutdown() is None
    assert ended(process)
    server.free()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        pytest.param("temporal-9.9.9", {"download_version": "9.9.9"}, id="version"),
        pytest.param(
            "temporal-sdk-zig-0.1.0",
            {"download_version": "default", "sdk_name": "sdk-zig", "sdk_version": "0.1.0"},
            id="default",
        ),
    ],
)
def test_a_downloaded_executable_is_not_fetched_again(
    capi: CApi, runtime: Any, tmp_path: Path, name: str, fields: dict[str, str]
) -> None:
    (tmp_path / name).symlink_to(EXECUTABLE)
    answer = start_dev_server(capi, runtime, download_dest_dir=str(tmp_path), **fields)
    server = started(capi, answer)
    process, arguments = only_process(server.port)
    assert arguments[0] == str(tmp_path / name)
    assert server.shutdown() is None
    assert ended(process)
    server.free()


def test_a_failed_download_is_reported(
    capi: CApi, runtime: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy without a listener, so that no request leaves this machine.
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    answer = start_dev_server(
        capi, runtime, download_version="9.9.9", download_dest_dir=str(tmp_path)
    )
    with pytest.raises(StartError, match="Connection failed: failed to download"):
        started(capi, answer)
    assert list(tmp_path.iterdir()) == []


def test_a_test_server_is_started_with_its_port_first(
    capi: CApi, runtime: Any, tmp_path: Path
) -> None:
    """The dev server's executable, called like a test server."""
    script = tmp_path / "temporal-test-server"
    script.write_text(
        f'#!/bin/sh\nexec "{EXECUTABLE}" server start-dev --headless --ip 127.0.0.1 '
        '--port "$1" --namespace "$2"\n'
    )
    script.chmod(0o755)
    namespace = f"namespace-{uuid.uuid4()}"
    lender = capi.lend()
    options = common_options(lender, existing_path=str(script), extra_args=namespace)
    server = started(
        capi,
        capi.start(
            "TemporalCoreEphemeralServerStartCallback",
            "temporal_core_ephemeral_server_start_test_server",
            runtime,
            options,
        ),
    )
    assert server.target.startswith("127.0.0.1:")
    process, _ = only_process(server.port)
    assert server.shutdown() is None
    assert ended(process)
    server.free()


def test_an_executable_that_ends_at_once_is_a_failure(capi: CApi, runtime: Any) -> None:
    answer = start_dev_server(capi, runtime, existing_path="/bin/false")
    reason = r"Connection failed: /bin/false ended \(exit status: 1\) before it served on 127"
    with pytest.raises(StartError, match=reason):
        started(capi, answer)


def test_an_executable_that_never_serves_is_given_up_after_thirty_seconds(
    capi: CApi, runtime: Any, tmp_path: Path
) -> None:
    script = tmp_path / "sleeper"
    script.write_text("#!/bin/sh\nexec sleep 300\n")
    script.chmod(0o755)
    pid_of_sleeper = "sleep\x00300\x00"
    before = time.monotonic()
    answer = start_dev_server(capi, runtime, existing_path=str(script))
    with pytest.raises(StartError, match=r"did not serve on 127.* within 30 s: "):
        started(capi, answer)
    assert 29 < time.monotonic() - before < 50
    left = [
        entry
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if entry.exists() and entry.read_text() == pid_of_sleeper
    ]
    assert left == [], "it is killed"


def test_a_failed_shutdown_is_reported(capi: CApi, runtime: Any) -> None:
    """The process was reaped by somebody else, so nothing is left to stop."""
    server = started(capi, start_dev_server(capi, runtime, existing_path=str(EXECUTABLE)))
    process, _ = only_process(server.port)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    failure = server.shutdown()
    server.free()
    assert failure is not None
    assert failure.startswith("Failed shutting down server: ")


def test_a_port_in_use_is_a_failure(capi: CApi, runtime: Any) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        answer = start_dev_server(capi, runtime, existing_path=str(EXECUTABLE), port=port)
        reason = rf"Connection failed: port {port} on 127\.0\.0\.1 is not free"
        with pytest.raises(StartError, match=reason):
            started(capi, answer)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({}, "neither existing_path nor download_version is set", id="nothing"),
        pytest.param(
            {"existing_path": "/no/such/file"}, "`/no/such/file` is not a file", id="missing"
        ),
        pytest.param({"existing_path": "temporal"}, "`temporal` is not a file", id="bare-name"),
        pytest.param({"existing_path": b"\xff"}, "existing_path is not UTF-8", id="utf-8"),
        pytest.param({"ip": "not an ip"}, "ip `not an ip` is not an IP address", id="ip"),
        pytest.param({"log_level": b"\xff"}, "log_level is not UTF-8", id="log-level"),
        pytest.param({"namespace_": "a\nb"}, "namespace_ contains a line break", id="newline"),
        pytest.param(
            {"existing_path": "", "download_version": "../../x"},
            "must not contain a path separator",
            id="version",
        ),
    ],
)
def test_bad_options_fail_at_once(
    capi: CApi, runtime: Any, fields: dict[str, Any], reason: str
) -> None:
    if "ip" in fields or "log_level" in fields or "namespace_" in fields:
        fields = {"existing_path": str(EXECUTABLE), **fields}
    answer = start_dev_server(capi, runtime, **fields)
    assert not answer.calls.empty(), "on the caller's thread"
    with pytest.raises(StartError, match=f"Invalid options: .*{reason}"):
        started(capi, answer)


def test_null_arguments_fail_at_once(capi: CApi, runtime: Any) -> None:
    callback = "TemporalCoreEphemeralServerStartCallback"
    for function in ("dev_server", "test_server"):
        name = f"temporal_core_ephemeral_server_start_{function}"
        with pytest.raises(StartError, match="Invalid options: options is NULL"):
            started(capi, capi.start(callback, name, runtime, capi.NULL))
    options = capi.new("TemporalCoreDevServerOptions")
    dev_server = "temporal_core_ephemeral_server_start_dev_server"
    with pytest.raises(StartError, match=r"Invalid options: options\.test_server is NULL"):
        started(capi, capi.start(callback, dev_server, runtime, options))
    with pytest.raises(StartError, match="Invalid options: runtime is NULL"):
        started(capi, capi.start(callback, dev_server, capi.NULL, options))
    shutdown = capi.start(
        "TemporalCoreEphemeralServerShutdownCallback",
        "temporal_core_ephemeral_server_shutdown",
        capi.NULL,
    )
    assert capi.take_text(shutdown.wait()[0]) == "server is NULL"
    capi.lib.temporal_core_ephemeral_server_free(capi.NULL)
    capi.lib.temporal_core_ephemeral_server_start_dev_server(runtime, options, capi.NULL, capi.NULL)
