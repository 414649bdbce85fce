"""Base images and packages for examples/docker, so that it builds without a registry."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.harness.docker_client import Docker
from tools import ROOT
from tools.images.debian import import_debian

EXAMPLE: Final = ROOT / "examples" / "docker"
DOCKERFILE: Final = EXAMPLE / "Dockerfile"

#: The Dockerfile's arguments that name an image, and the packages of the image used instead.
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "BASE": ("ca-certificates", "python3-venv"),
    "RUN_BASE": (),
}


def default_of(argument: str) -> str:
    """The default of an argument of the Dockerfile."""
    found = re.search(rf"^ARG {argument}=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert found is not None
    return found.group(1)


def make_bases(docker: Docker) -> dict[str, str]:
    """Create the images that the Dockerfile starts from.

    Args:
        docker: the client, whose repository they go to.

    Returns:
        Argument of the Dockerfile to its image.

    Raises:
        ToolError: a tool to create them is missing.
    """
    made = {argument: f"{docker.repository}:{argument.lower()}" for argument in PACKAGES}
    for argument, image in made.items():
        import_debian(image, PACKAGES[argument])
    return made


def download_with_pip(directory: Path, *arguments: str) -> None:
    """Download packages with pip to a directory, for ``--find-links``."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", *arguments]
    subprocess.run([*command, "--dest", directory], capture_output=True, text=True, check=True)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Lists a directory as a page of links, which pip accepts for ``--find-links``."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def pip_settings_for(packages: Path, settings: Path) -> Iterator[list[str]]:
    """Make pip in a build install only from a directory of this machine.

    Args:
        packages: the directory, served on the loopback interface until the block ends.
        settings: pip's configuration file, which is written.

    Returns:
        Options of ``docker build``.
    """
    handler = functools.partial(_Quiet, directory=str(packages))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            settings.write_text(f"[global]\nno-index = true\nfind-links = {url}\n")
            yield ["--network=host", "--secret", f"id=pip.conf,src={settings}"]
        finally:
            server.shutdown()
            thread.join()
