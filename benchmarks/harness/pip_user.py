"""A user who installs the package: a virtual environment, pip's cache, an index."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.harness.package_index import PROJECT, run_pip, simple, user_of
from temporal_static_libs import __version__

# As in the documentation.
PINNED = f"{PROJECT}=={__version__}"
# A repackaging of the same core, with less in it.
NEWER = f"{__version__}.post1"


class Way(Protocol):
    """A way to a server of package indexes, with TLS because pip caches nothing without."""

    @property
    def url(self) -> str:
        """Its URL."""

    @property
    def certificate(self) -> Path:
        """A file with the certificate of the authority that signed the server's."""


@dataclass(frozen=True)
class PipUser:
    """A user with the tests' own pip.

    Attributes:
        home: the current directory.
        environment: the virtual environment, which has no pip.
        cache: pip's cache.
        environ: the environment variables.
    """

    home: Path
    environment: Path
    cache: Path
    environ: Mapping[str, str]

    @property
    def python(self) -> Path:
        """The interpreter of the virtual environment."""
        return self.environment / "bin" / "python"

    def pip(self, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run pip for the virtual environment; a failure raises nothing.

        Args:
            arguments: for pip.
            settings: variables to add to the environment.
        """
        environ = {**self.environ, **settings}
        return run_pip(sys.executable, *arguments, cwd=self.home, environ=environ)

    def install(self, *arguments: str | Path, **settings: str) -> str:
        """Run pip install, which must succeed; its output."""
        done = self.pip("install", *arguments, **settings)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def verified(self) -> str:
        """The platform of the installed archives, once they are verified."""
        done = subprocess.run(
            [self.environment / "bin" / "temporal-libs-config", "--verify", "--platform"],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    def versions(self) -> list[str]:
        """The installed versions of the package according to pip: one at most."""
        listed = self.pip("list", "--format=freeze").stdout.splitlines()
        return [line.partition("==")[2] for line in listed if line.startswith(f"{PROJECT}==")]

    def files(self) -> set[Path]:
        """All files and directories in the virtual environment."""
        return set(self.environment.rglob("*"))


def pip_user(
    directory: Path,
    way: Way,
    index: str,
    cache: Path | None = None,
    interpreter: Path | None = None,
) -> PipUser:
    """Create a user.

    Args:
        directory: a new directory for the user's files.
        way: to the index.
        index: the index's name.
        cache: pip's cache, to share; None for a new one.
        interpreter: that of the virtual environment; None for the tests' own.
    """
    directory.mkdir()
    environment = directory / "venv"
    if interpreter is None:
        venv.create(environment, symlinks=True)
    else:
        command = ["-m", "venv", "--without-pip", str(environment)]
        subprocess.run([str(interpreter), *command], capture_output=True, check=True)
    cache = cache or directory / "cache"
    variables = {
        **user_of(f"{way.url}{simple(index)}", cache),
        # The first is for pip, where it takes precedence over --cert; the second for uv.
        "REQUESTS_CA_BUNDLE": str(way.certificate),
        "SSL_CERT_FILE": str(way.certificate),
        "PIP_PYTHON": str(environment / "bin" / "python"),
    }
    return PipUser(directory, environment, cache, variables)
