"""Docker for building examples/docker, without leaving anything behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class DockerError(Exception):
    """Docker is missing or failed. The message says why and what to do."""


@dataclass(frozen=True)
class Docker:
    """A client that builds with BuildKit.

    Attributes:
        program: its path.
        repository: a prefix for the names of this run's images only.
    """

    program: str
    repository: str = field(
        default_factory=lambda: f"local/temporal-static-libs-test-{uuid.uuid4()}"
    )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the client; a failure raises nothing."""
        return subprocess.run(
            [self.program, *arguments],
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def output(self, *arguments: str) -> str:
        """What it prints if it succeeds.

        Raises:
            DockerError: it failed.
        """
        done = self.run(*arguments)
        if done.returncode != 0:
            shown = " ".join(("docker", *arguments))
            raise DockerError(f"{shown}\n  failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def size(self, image: str) -> int:
        """The size of an image with all of its layers, in bytes."""
        return int(self.output("image", "inspect", "--format", "{{.Size}}", image))

    def files(self, image: str) -> set[str]:
        """Everything in an image except directories."""
        find = ("find", "/", "-xdev", "!", "-type", "d")
        return set(self.command_in(image, *find).splitlines())

    def command_in(self, image: str, command: str, *arguments: str) -> str:
        """What a program in an image prints, run as root."""
        options = ("--rm", "--network=none", "--user=0:0", f"--entrypoint={command}")
        return self.output("run", *options, image, *arguments)


@contextmanager
def docker_leaving_nothing() -> Iterator[Docker]:
    """Find a client; at the end, remove its images and what they added to the builder's cache.

    Records of the cache have no names, so all that are new are removed.

    Raises:
        DockerError: no client can build.
    """
    docker = _client()
    before = _cache_records(docker)
    try:
        yield docker
    finally:
        listing = ("images", "--format", "{{.Repository}}:{{.Tag}}", f"{docker.repository}*")
        if images := docker.output(*listing).split():
            docker.output("rmi", "--force", *images)
        _prune(docker, before)


def _client() -> Docker:
    if shutil.which("docker") is None:
        raise DockerError("docker was not found on PATH: install it")
    for directory in os.get_exec_path():
        program = shutil.which("docker", path=directory)
        # A client of Docker 23 or newer fails here without its plugin.
        if program and Docker(program).run("build", "--help").returncode == 0:
            docker = Docker(program)
            answer = docker.run("version")
            if answer.returncode != 0:
                raise DockerError(f"docker is not responding: start its daemon\n{answer.stderr}")
            return docker
    raise DockerError("docker cannot build with BuildKit: install docker-buildx")


def _cache_records(docker: Docker) -> list[str]:
    """The records of the builder's cache, newest first: newer ones depend on older ones."""
    listing = docker.output("system", "df", "--verbose", "--format", "{{json .BuildCache}}")
    records = sorted(json.loads(listing) or (), key=lambda record: str(record["CreatedAt"]))
    return [record["ID"] for record in reversed(records)]


def _prune(docker: Docker, kept: list[str]) -> None:
    left: list[str] = []
    while new := [record for record in _cache_records(docker) if record not in kept]:
        if new == left:
            raise DockerError(f"docker keeps {new} in the builder's cache")
        for record in new:
            docker.output("builder", "prune", "--all", "--force", "--filter", f"id={record}")
        left = new
