"""A package index on the loopback interface (devpi), and pip as its client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.processes import running, tail

PROJECT = "temporal-static-libs"

_SERVING = re.compile(r"Serving on (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
# Seconds. It takes one, but processors are busy while tests run.
_PATIENCE = 60.0
# Settings of every index. Only this process and its children use the server.
_OPEN_TO_ALL = {"type": "stage", "bases": [], "acl_upload": [":ANONYMOUS:"]}


@dataclass(frozen=True)
class PackageServer:
    """A server that can hold several indexes.

    Attributes:
        url: its URL.
        log: its log, with a line for each request.
    """

    url: str
    log: Path

    def add_index(self, name: str, files: Iterable[Path]) -> str:
        """Create an index, and upload wheels and source distributions to it with twine.

        Args:
            name: of the index.
            files: the files to upload.

        Returns:
            The URL for pip's ``--index-url``.
        """
        request = urllib.request.Request(
            f"{self.url}/root/{name}",
            method="PUT",
            data=json.dumps(_OPEN_TO_ALL).encode(),
            # The administrator is "root", without a password.
            headers={"Content-Type": "application/json", "Authorization": "Basic cm9vdDo="},
        )
        with _direct.open(request):
            pass
        command = [sys.executable, "-m", "twine", "upload", "--non-interactive"]
        account = ["--username", "root", "--password", ""]
        address = ["--disable-progress-bar", "--repository-url", f"{self.url}/root/{name}/"]
        subprocess.run(
            [*command, *account, *address, *map(str, files)],
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        return f"{self.url}{simple(name)}"


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def simple(name: str) -> str:
    """The path on the server of an index's simple API, which pip reads."""
    return f"/root/{name}/+simple/"


@contextmanager
def running_package_server(programs: Path, directory: Path) -> Iterator[PackageServer]:
    """Run a server without any index, on a free port.

    Args:
        programs: the directory with devpi's programs.
        directory: a new or empty directory for its files.

    Raises:
        RuntimeError: it did not start.
    """
    data = directory / "server"
    log = directory / "server.log"
    subprocess.run(
        [programs / "devpi-init", "--serverdir", data, "--no-root-pypi", "--root-passwd", ""],
        capture_output=True,
        check=True,
    )
    command: list[str | Path] = [programs / "devpi-server", "--serverdir", data]
    # Metadata next to the files, as on PyPI.
    options = ["--host", "127.0.0.1", "--port", "0", "--enable-core-metadata"]
    with running([*command, *options], log=log) as process:
        deadline = time.monotonic() + _PATIENCE
        while (serving := _SERVING.search(log.read_text())) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"devpi-server did not start:\n{tail(log)}")
            time.sleep(0.05)
        yield PackageServer(serving[1], log)


def user_of(index: str, cache: Path | None = None) -> dict[str, str]:
    """The environment of a user whose pip uses only one index.

    Args:
        index: its URL.
        cache: the directory of pip's cache; None for no cache.
    """
    base = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PIPX_", "UV_"))
    }
    return {
        **base,
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_INDEX_URL": index,
        **({"PIP_CACHE_DIR": str(cache)} if cache else {"PIP_NO_CACHE_DIR": "1"}),
    }


def pip(
    python: str | Path,
    index: str,
    *arguments: str | Path,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run an environment's pip with only one index; a failure raises nothing.

    Args:
        python: the environment's interpreter.
        index: the index's URL.
        arguments: for pip.
        cwd: the current directory.
        environ: variables to add to the environment.
    """
    return run_pip(python, *arguments, cwd=cwd, environ={**user_of(index), **(environ or {})})


def run_pip(
    python: str | Path, *arguments: str | Path, cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an environment's pip; a failure raises nothing.

    Args:
        python: the environment's interpreter.
        arguments: for pip.
        cwd: the current directory.
        environ: the whole environment.
    """
    return subprocess.run(
        [str(python), "-m", "pip", *map(str, arguments)],
        env=environ,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
