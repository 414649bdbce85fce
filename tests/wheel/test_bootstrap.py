"""TEMPORAL_LIBS_BOOTSTRAP_RUST=1: a toolchain fetched for the build."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# Stands in for the downloaded installer: it "installs" the machine's own cargo and rustc where the
# real one would put others.
INSTALLER = """\
#!/bin/sh
mkdir -p "$CARGO_HOME/bin"
for tool in cargo rustc; do
    printf '#!/bin/sh\\nunset CARGO_HOME RUSTUP_HOME\\nHOME="%s" PATH="%s" exec %s "$@"\\n' \\
        '{home}' '{path}' "$tool" > "$CARGO_HOME/bin/$tool"
    chmod +x "$CARGO_HOME/bin/$tool"
done
"""

HOME = os.environ.get("HOME", "/")

PROGRAM = """\
import json, sys
from pathlib import Path
from temporal_static_libs import CompileError
from temporal_static_libs._build.toolchain import find_toolchain
from temporal_static_libs._settings import Settings
try:
    toolchain = find_toolchain(Path(sys.argv[1]), Settings.from_environ())
except CompileError as error:
    sys.exit(str(error))
print(json.dumps([toolchain.cargo, toolchain.rustc_version]), file=open(sys.argv[2], "w"))
"""


@dataclass(frozen=True)
class Server:
    """A local server of installers.

    Attributes:
        url: the URL of the server.
        requests: the requested paths.
        body: the response; None for "not found".
    """

    url: str
    requests: list[str]
    body: list[bytes | None]


def installer() -> bytes:
    """The installer of this machine's toolchain."""
    return INSTALLER.format(home=HOME, path=os.environ["PATH"]).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve an installer on the loopback interface."""
    requests: list[str] = []
    body: list[bytes | None] = [installer()]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            content = body[0]
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815, the standard library's name

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield Server(f"http://127.0.0.1:{httpd.server_port}/rustup", requests, body)
        httpd.shutdown()
        thread.join()


def search(
    repo_root: Path, tmp_path: Path, server: Server, path: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Look for a toolchain with a PATH, and with the server as the download source."""
    answer = tmp_path / "answer.json"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, repo_root / "rust", answer],
        env={
            "PATH": path,
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "RUSTUP_UPDATE_ROOT": server.url,
            "NO_PROXY": "127.0.0.1",
            "TEMPORAL_LIBS_BOOTSTRAP_RUST": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done, answer


@pytest.fixture
def no_rust(tmp_path: Path) -> str:
    """A PATH with what an installer needs, without Rust."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for tool in ("sh", "mkdir", "chmod", "printf"):
        found = shutil.which(tool)
        assert found is not None
        (directory / tool).symlink_to(found)
    return str(directory)


def test_fetched_toolchain_is_used(
    repo_root: Path, tmp_path: Path, server: Server, no_rust: str
) -> None:
    done, answer = search(repo_root, tmp_path, server, no_rust)
    assert done.returncode == 0, done.stderr
    cargo, rustc_version = json.loads(answer.read_text())
    assert cargo == str(tmp_path / "cache" / "temporal-static-libs" / "cargo" / "bin" / "cargo")
    assert rustc_version.startswith("rustc 1.")
    assert done.stdout == ""  # stdout is for answers
    assert any(request.endswith("/rustup-init") for request in server.requests)


def test_nothing_is_fetched_if_there_is_a_toolchain(
    repo_root: Path, tmp_path: Path, server: Server, no_rust: str
) -> None:
    for tool in ("cargo", "rustc"):
        wrapper = Path(no_rust, tool)
        wrapper.write_text(
            f"#!/bin/sh\nHOME='{HOME}' PATH='{os.environ['PATH']}' exec {tool} \"$@\"\n"
        )
        wrapper.chmod(0o755)
    done, answer = search(repo_root, tmp_path, server, no_rust)
    assert done.returncode == 0, done.stderr
    assert json.loads(answer.read_text())[0] == f"{no_rust}/cargo"
    assert server.requests == []


def test_failed_fetch_is_reported(
    repo_root: Path, tmp_path: Path, server: Server, no_rust: str
) -> None:
    server.body[0] = None
    done, _ = search(repo_root, tmp_path, server, no_rust)
    assert done.returncode == 1
    assert "a Rust toolchain could not be downloaded: " in done.stderr
    assert "404" in done.stderr
    assert "Traceback" not in done.stderr
