"""A package index on the loopback interface, and pip as a user of it."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROJECT = "temporal-static-libs"


class _Handler(http.server.SimpleHTTPRequestHandler):
    """The listing of a directory is a page of links, which is what an index has to give."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serve(files: Iterable[Path], directory: Path) -> Iterator[str]:
    """Serve files of the project.

    Args:
        files: wheels and source distributions.
        directory: a new one, to serve them from.

    Yields:
        The address that pip takes as ``--index-url``.
    """
    page = directory / "simple" / PROJECT
    page.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, page / file.name)
    handler = functools.partial(_Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


def user_of(index: str) -> dict[str, str]:
    """The environment of somebody whose pip has nothing but an index."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {
        **base,
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_INDEX_URL": index,
        "PIP_NO_CACHE_DIR": "1",
    }


def pip(
    python: str | Path,
    index: str,
    *arguments: str | Path,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run an environment's pip with nothing but the index, and let it end as it likes.

    Args:
        python: the environment's interpreter.
        index: the address.
        arguments: pip's.
        cwd: the current directory.
        environ: variables to add to the environment.
    """
    return subprocess.run(
        [str(python), "-m", "pip", *map(str, arguments)],
        env={**user_of(index), **(environ or {})},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
