"""A user who installs the wheel and builds with it, on a machine without Rust."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pkgconf

from tests.support.docs.commands import run
from tests.support.programs.paths import RUST, without_programs

# Variables that would change how build systems search or what they build.
_FOREIGN = (
    "CARGO",
    "CFLAGS",
    "CGO_",
    "CMAKE",
    "CXX",
    "GO",
    "LDFLAGS",
    "PKG_CONFIG",
    "PYTHON",
    "RUST",
    "TEMPORAL_",
)

_PIP = """\
#!/bin/sh
exec '{python}' -m pip --python '{venv}' --disable-pip-version-check "$@"
"""


@dataclass(frozen=True)
class Consumer:
    """An environment with the wheel, in a directory whose path contains a space.

    Attributes:
        venv: the environment.
        environ: variables for builds. PATH has the machine's programs and the build tools of the
            tests' environment, but no Rust.
    """

    venv: Path
    environ: Mapping[str, str]

    @property
    def python(self) -> Path:
        """The environment's Python."""
        return self.venv / "bin" / "python"

    @property
    def site(self) -> Path:
        """The environment's site-packages."""
        (site,) = self.venv.glob("lib/python*/site-packages")
        return site

    @property
    def package(self) -> Path:
        """The installed package."""
        return self.site / "temporal_static_libs"

    def shell(self, script: str, directory: Path) -> str:
        """Run a script in the activated environment, which must succeed; return its output."""
        return run(script, directory, self.environ, python=self.python)

    def config(self, *options: str) -> list[str]:
        """Return the lines that the environment's temporal-libs-config prints."""
        command: list[str | Path] = [self.venv / "bin" / "temporal-libs-config", *options]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def attempt(
        self, *command: str | Path, directory: Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program, with any exit status.

        Args:
            command: the program, found on PATH, and its arguments.
            directory: where to run it.
            variables: additional environment variables.
        """
        return subprocess.run(
            command,
            cwd=directory,
            env={**self.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def make_consumer(directory: Path, wheel: Path) -> Consumer:
    """Make an environment, and install a wheel with ``pip install temporal-static-libs``."""
    venv = directory / "a venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = venv / "bin" / "pip"
    pip.write_text(_PIP.format(python=sys.executable, venv=venv))
    pip.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    home = directory / "home"
    home.mkdir()
    # Meson uses sccache if it is installed, and its server would outlive the tests.
    path = (str(_programs(directory / "bin")), without_programs(os.environ, (*RUST, "sccache")))
    consumer = Consumer(
        venv,
        {
            **kept,
            "PATH": os.pathsep.join(path),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
            # Instead of PyPI.
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheel.parent),
        },
    )
    consumer.shell("pip install --quiet temporal-static-libs", directory)
    return consumer


def _programs(directory: Path) -> Path:
    """Make a directory of links to the build tools of the tests' environment."""
    directory.mkdir()
    # The program in the package, because its script searches the tests' environment.
    for name in ("pkg-config", "pkgconf"):
        (directory / name).symlink_to(pkgconf.get_executable())
    scripts = Path(sysconfig.get_path("scripts"))
    for name in ("bun", "cmake", "meson", "ninja"):
        (directory / name).symlink_to(scripts / name)
    zig = directory / "zig"
    zig.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ziglang "$@"\n')
    zig.chmod(0o755)
    return directory
