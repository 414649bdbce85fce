"""Builds and runs examples/zig-bridge."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs.paths import consumer_environ
from tools.zig_bridge import copy_zig_bridge


@dataclass(frozen=True)
class ZigBridge:
    """A copy of examples/zig-bridge.

    Attributes:
        directory: the directory of the copy.
        python: the interpreter of the environment whose Zig builds it.
    """

    directory: Path
    python: Path = Path(sys.executable)

    def zig_build(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``zig build`` in it, with any exit status: see `zig`."""
        return self.zig("build", *arguments, environ=environ)

    def zig(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Zig in it without Rust on PATH, with any exit status.

        Args:
            arguments: its arguments.
            environ: its whole environment; None is this process's.
        """
        return subprocess.run(
            [self.python, "-m", "ziglang", *arguments],
            cwd=self.directory,
            env={**consumer_environ(environ), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def library(self) -> Path:
        """The built shared library."""
        return self.directory / "zig-out" / "lib" / "libtemporal_zig_bridge.so"

    @property
    def header(self) -> Path:
        """The header that is installed with the shared library."""
        return self.directory / "zig-out" / "include" / "temporal_zig_bridge.h"

    @property
    def program(self) -> Path:
        """The built program."""
        return self.directory / "zig-out" / "bin" / "zig-bridge-demo"

    def demo(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the built program, with any exit status."""
        return subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, check=False, timeout=300
        )

    @contextmanager
    def demo_running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start the built program, and end it with the block."""
        with subprocess.Popen(
            [self.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def make_zig_bridge(destination: Path) -> ZigBridge:
    """Copy the example for building.

    Args:
        destination: the directory to create.
    """
    return ZigBridge(copy_zig_bridge(destination))
