"""A server of sccache's for one test: a program that finds none starts one, and it stays."""

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
    """It.

    Attributes:
        settings: variables that have cargo use it.
    """

    settings: dict[str, str]

    def __call__(self, *arguments: str) -> str:
        """What sccache answers."""
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
    """Start one, with nothing in its cache, and end it with the block.

    Args:
        directory: for its cache.
    """
    sccache = Sccache(
        {
            "RUSTC_WRAPPER": require_program("sccache"),
            "SCCACHE_DIR": str(directory / "sccache"),
            # A socket's path is nothing to sccache 0.4: it would ask the server of the machine.
            "SCCACHE_SERVER_PORT": unused_address().rpartition(":")[2],
        }
    )
    sccache("--start-server")
    try:
        yield sccache
    finally:
        sccache("--stop-server")
