"""A package index with the wheels, and users who install from it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.harness.errors import BenchmarkError, command_failed
from benchmarks.harness.line import Speed
from benchmarks.harness.network import Network, running_network
from benchmarks.harness.package_index import PackageServer, running_package_server
from benchmarks.harness.pip_user import PINNED, PipUser, pip_user

_NAME: Final = "benchmark"
_PROGRAMS: Final = Path(".venv/delivery/bin")
_REQUEST: Final = re.compile(r"\[req\d+\] GET (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class _Way:
    """What pip has to know to reach the index."""

    url: str
    certificate: Path


@dataclass(frozen=True)
class Index:
    """A package index, reached with TLS because pip caches nothing without.

    Attributes:
        server: its server.
        network: the ways to the server.
    """

    server: PackageServer
    network: Network

    def user(self, directory: Path, speed: Speed | None = None, cache: Path | None = None) -> User:
        """Create a user with a fresh environment.

        Args:
            directory: a new directory for the user's files.
            speed: of the line to the index; None is as fast as the machine.
            cache: pip's cache; None for a new one.
        """
        url = self.network.url if speed is None else self.network.url_over(speed)
        return User(pip_user(directory, _Way(url, self.network.certificate), _NAME, cache))

    def downloads(self) -> int:
        """How many wheels have been fetched so far, according to the server's access log."""
        return wheels_fetched(self.server.log.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class User:
    """A user who installs the wheel.

    Attributes:
        pip: the user's pip.
    """

    pip: PipUser

    @property
    def config(self) -> Path:
        """The installed ``temporal-libs-config``."""
        return self.pip.environment / "bin" / "temporal-libs-config"

    def install(self) -> float:
        """Install the wheel; the seconds that it took.

        Raises:
            BenchmarkError: pip failed.
        """
        return self.seconds("install", "--only-binary=:all:", PINNED)

    def download(self, platform_tag: str) -> float:
        """Download the wheel of a platform; the seconds that it took.

        Raises:
            BenchmarkError: pip failed.
        """
        options = ("--only-binary=:all:", "--no-deps", "--platform", platform_tag)
        return self.seconds("download", *options, "--dest", self.pip.home / platform_tag, PINNED)

    def seconds(self, *arguments: str | Path) -> float:
        """Run pip; the seconds that it took.

        Raises:
            BenchmarkError: it failed.
        """
        began = time.perf_counter()
        done = self.pip.pip(*arguments)
        taken = time.perf_counter() - began
        if done.returncode != 0:
            raise command_failed(["pip", *arguments], done.returncode, done.stdout)
        return taken


@contextmanager
def running_index(wheels: Mapping[str, Path], directory: Path) -> Iterator[Index]:
    """Run an index on the loopback interface until the block ends.

    Args:
        wheels: platform to its wheel.
        directory: a new directory for its files.

    Raises:
        BenchmarkError: it cannot run.
    """
    programs = _PROGRAMS.absolute()
    if not (programs / "devpi-server").is_file():
        raise BenchmarkError(
            f"{programs} has no devpi-server: run make {_PROGRAMS.parent}/.ready to install it"
        )
    directory.mkdir()
    try:
        with (
            running_package_server(programs, directory) as server,
            running_network(server.url, directory) as network,
        ):
            server.add_index(_NAME, wheels.values())
            yield Index(server, network)
    except RuntimeError as error:
        raise BenchmarkError(str(error)) from None


def wheels_fetched(log: str) -> int:
    """How many requests for wheels a log of devpi-server contains, without those for metadata."""
    return sum(urlsplit(path).path.endswith(".whl") for path in _REQUEST.findall(log))
