"""Somebody who installs the package: a virtual environment, pip's cache, an index."""

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

# What the documentation has people ask for.
PINNED = f"{PROJECT}=={__version__}"
# A repackaging of the same core, with less in it.
NEWER = f"{__version__}.post1"


class Way(Protocol):
    """A way to a server of package indexes: with TLS, as pip caches nothing otherwise."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def certificate(self) -> Path:
        """A file with the certificate of who vouches for it."""


@dataclass(frozen=True)
class PipUser:
    """One, whose pip is the tests'.

    Attributes:
        home: the current directory.
        environment: the virtual environment, which has no pip in it.
        cache: pip's cache.
        environ: the variables of it all.
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
        """Run pip for the virtual environment, and let it end as it likes.

        Args:
            arguments: pip's.
            settings: variables to add to the environment.
        """
        environ = {**self.environ, **settings}
        return run_pip(sys.executable, *arguments, cwd=self.home, environ=environ)

    def install(self, *arguments: str | Path, **settings: str) -> str:
        """Have pip install, which succeeds, and tell what it said."""
        done = self.pip("install", *arguments, **settings)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def verified(self) -> str:
        """The platform of the installed archives, which are whole."""
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
        """The versions of the package that pip says are installed: one at most."""
        listed = self.pip("list", "--format=freeze").stdout.splitlines()
        return [line.partition("==")[2] for line in listed if line.startswith(f"{PROJECT}==")]

    def files(self) -> set[Path]:
        """All that is in the virtual environment."""
        return set(self.environment.rglob("*"))


def pip_user(
    directory: Path,
    way: Way,
    index: str,
    cache: Path | None = None,
    interpreter: Path | None = None,
) -> PipUser:
    """Make one.

    Args:
        directory: a new one.
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
        # For pip, whose --cert yields to this one; and for uv.
        "REQUESTS_CA_BUNDLE": str(way.certificate),
        "SSL_CERT_FILE": str(way.certificate),
        "PIP_PYTHON": str(environment / "bin" / "python"),
    }
    return PipUser(directory, environment, cache, variables)
