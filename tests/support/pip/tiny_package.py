"""A copy of the installed package that carries a workspace which compiles in a second."""

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

# Stands between cargo and rustc, as sccache does: notes what is compiled, and waits if it is told.
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
        log: has a line for each time that the tiny workspace's first crate was compiled.
        hold: while it exists, compiling that crate waits.
    """

    program: Path
    log: Path
    hold: Path


def rustc_wrapper(directory: Path) -> RustcWrapper:
    """Make one in a directory."""
    wrapper = RustcWrapper(directory / "wrapper", directory / "compiled", directory / "hold")
    wrapper.program.write_text(_WRAPPER.format(log=wrapper.log, hold=wrapper.hold))
    wrapper.program.chmod(0o755)
    return wrapper


@dataclass(frozen=True)
class TinyPackage:
    """The copy.

    Attributes:
        root: the package's directory.
        cache: what TEMPORAL_LIBS_CACHE_DIR is set to; it does not exist yet.
        compiled: where a compiled set has its place in it.
        environ: the environment to run it in.
    """

    root: Path
    cache: Path
    compiled: Path
    environ: Mapping[str, str]

    @property
    def workspace(self) -> Path:
        """The Rust sources that it carries."""
        return self.root / "rust"

    def python(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run Python with the package to import, and let it end as it likes.

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
        """Run its temporal-libs-config, and let it end as it likes."""
        return self.python("-m", "temporal_static_libs", *options, **settings)

    def answer(self, *options: str, **settings: str) -> list[str]:
        """What its temporal-libs-config prints when all is well."""
        done = self.config(*options, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    @contextmanager
    def config_running(self, *options: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """Start its temporal-libs-config in a process group, and end that with the block."""
        # What runs the tests in the background may have them ignore SIGINT, and all they start.
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
                    process.terminate()  # which ends its cargo, too
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(10)
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, 9)

    def script(self, directory: Path) -> Path:
        """Its temporal-libs-config as one program, made in a directory."""
        script = directory / "temporal-libs-config"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m temporal_static_libs "$@"\n')
        script.chmod(0o755)
        return script

    def break_wheel(self) -> None:
        """Cut the wheel's own archive short."""
        archive = self.root / "lib" / "libtemporal_sdk_core.a"
        archive.unlink()  # it is a link to one that is whole
        archive.write_bytes(b"!<arch>\n")


def make_tiny_package(
    root: Path, workspace: Path, cache: Path, environ: Mapping[str, str]
) -> TinyPackage:
    """Have a copy of the package carry another workspace and its header.

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
