"""A copy of the installed package with a workspace that compiles in a second."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HEADER = "temporal-sdk-core-c-bridge.h"

# Runs between cargo and rustc, like sccache. Records what is compiled, and waits on request.
_WRAPPER = """\
#!/bin/sh
case " $* " in
    *" --crate-name temporal_static_libs_c_api "*)
        echo compiling >> '{log}'
        while [ -e '{hold}' ]; do sleep 0.05; done
        ;;
esac
exec "$@"
"""


@dataclass(frozen=True)
class RustcWrapper:
    """A program for RUSTC_WRAPPER.

    Attributes:
        program: its path.
        log: a line for each compile of the tiny workspace's first crate.
        hold: while this file exists, compiling that crate waits.
    """

    program: Path
    log: Path
    hold: Path


def rustc_wrapper(directory: Path) -> RustcWrapper:
    """Make a wrapper in a directory."""
    wrapper = RustcWrapper(directory / "wrapper", directory / "compiled", directory / "hold")
    wrapper.program.write_text(_WRAPPER.format(log=wrapper.log, hold=wrapper.hold))
    wrapper.program.chmod(0o755)
    return wrapper


@dataclass(frozen=True)
class TinyPackage:
    """A copy of the package.

    Attributes:
        root: the package's directory.
        cache: the value of TEMPORAL_LIBS_CACHE_DIR; it does not exist yet.
        compiled: the path of a compiled set in the cache.
        environ: the environment to run it in.
    """

    root: Path
    cache: Path
    compiled: Path
    environ: Mapping[str, str]

    @property
    def workspace(self) -> Path:
        """The package's Rust sources."""
        return self.root / "rust"

    def python(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run Python with the package on its path, with any exit status.

        Args:
            arguments: Python's arguments.
            settings: variables to add to the environment.
        """
        return subprocess.run(
            [sys.executable, *arguments],
            env={**self.environ, **settings},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def config(self, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run its temporal-libs-config, with any exit status."""
        return self.python("-m", "temporal_static_libs", *options, **settings)

    def answer(self, *options: str, **settings: str) -> list[str]:
        """Return the lines that a successful temporal-libs-config prints."""
        done = self.config(*options, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    @contextmanager
    def config_running(self, *options: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """Start its temporal-libs-config in a process group, and end the group with the block."""
        # The tests may run in the background, where they and their children ignore SIGINT.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "temporal_static_libs"]
        with subprocess.Popen(
            [*command, *options],
            env={**self.environ, **settings},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()  # this also ends its cargo
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(10)
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, 9)

    def script(self, directory: Path) -> Path:
        """Make a program in a directory that runs its temporal-libs-config."""
        script = directory / "temporal-libs-config"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m temporal_static_libs "$@"\n')
        script.chmod(0o755)
        return script

    def break_wheel(self) -> None:
        """Truncate the wheel's archive."""
        archive = self.root / "lib" / "libtemporal_sdk_core.a"
        archive.unlink()  # it is a link to an intact one
        archive.write_bytes(b"!<arch>\n")


def make_tiny_package(
    root: Path, workspace: Path, cache: Path, environ: Mapping[str, str]
) -> TinyPackage:
    """Replace the workspace and header in a copy of the package.

    Args:
        root: the copy.
        workspace: the tiny workspace.
        cache: a directory that does not exist.
        environ: the environment to compile in.
    """
    shutil.rmtree(root / "rust")
    shutil.copytree(workspace, root / "rust")
    (root / "include" / HEADER).unlink()
    shutil.copyfile(workspace / "bridge.h", root / "include" / HEADER)
    manifest = json.loads((root / "lib" / "manifest.json").read_text())
    return TinyPackage(
        root,
        cache,
        cache / f"v{manifest['version']}" / manifest["platform"],
        {
            **environ,
            "PYTHONPATH": str(root.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEMPORAL_LIBS_CACHE_DIR": str(cache),
        },
    )
