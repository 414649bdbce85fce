"""A separate sccache server for one test. Without it, a program starts one that keeps running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ci.skips import require_program
from tests.support.peers.loopback import unused_address


@dataclass(frozen=True)
class Sccache:
    """The server.

    Attributes:
        settings: variables that make cargo use it.
    """

    settings: dict[str, str]

    def __call__(self, *arguments: str) -> str:
        """Return the output of sccache."""
        done = subprocess.run(
            [self.settings["RUSTC_WRAPPER"], *arguments],
            env={**os.environ, **self.settings},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@contextmanager
def own_sccache(directory: Path) -> Iterator[Sccache]:
    """Start a server with an empty cache, and end it with the block.

    Args:
        directory: the directory for its cache.
    """
    sccache = Sccache(
        {
            "RUSTC_WRAPPER": require_program("sccache"),
            "SCCACHE_DIR": str(directory / "sccache"),
            # sccache 0.4 ignores a socket's path and would use the machine's server.
            "SCCACHE_SERVER_PORT": unused_address().rpartition(":")[2],
        }
    )
    sccache("--start-server")
    try:
        yield sccache
    finally:
        sccache("--stop-server")
