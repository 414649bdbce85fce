"""An index on the loopback interface that accepts uploads from twine: pypiserver."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# In a separate process, because it changes settings of warnings and logs. Prints its port.
_SERVER = """\
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pypiserver

app = pypiserver.app(
    roots=[sys.argv[1]], authenticate=[], password_file=".", disable_fallback=True,
    hash_algo="sha256", backend_arg="simple-dir",
)
WSGIRequestHandler.log_message = lambda *arguments: None
server = make_server("127.0.0.1", 0, app)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class UploadingIndex:
    """The index.

    Attributes:
        directory: the directory for uploads.
        address: the URL for uploads.
    """

    directory: Path
    address: str

    @property
    def index_url(self) -> str:
        """The URL for pip's ``--index-url``."""
        return f"{self.address}simple/"

    def names(self) -> set[str]:
        """The names of its files."""
        return {file.name for file in self.directory.iterdir()}

    def upload(self, files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
        """Upload files with twine, which fails if a file already exists."""
        command = [sys.executable, "-m", "twine", "upload", "--non-interactive"]
        command += ["--disable-progress-bar", "--repository-url", self.address]
        command += ["--username", "anybody", "--password", "anything", *map(str, files)]
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )


@contextmanager
def uploading_index(directory: Path) -> Iterator[UploadingIndex]:
    """Serve an index.

    Args:
        directory: an empty directory for uploads.
    """
    command = [sys.executable, "-W", "ignore", "-c", _SERVER, str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            assert port, "pypiserver did not start"
            yield UploadingIndex(directory, f"http://127.0.0.1:{port}/")
        finally:
            server.kill()
