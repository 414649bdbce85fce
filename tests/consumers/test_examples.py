"""The examples, built and run as their READMEs say, in a path with a blank and without Rust."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from breaking_proxy import ends_with_closing_peer
from consumer import Consumer
from dev_server import DevServer
from docs_commands import commands
from skips import require_program

HEADING = "Build and run"
URL = "http://127.0.0.1:7233"

PROGRAMS = {
    "cmake": "build/server_version",
    "cpp": "build/server_version",
    "go": "server_version",
    "meson": "build/server_version",
    "pkg-config": "server_version",
}
NEEDS = {"cpp": "c++", "go": "go", "pkg-config": "make"}

# Whole, such a program has tens of megabytes: the linker has dropped what nothing uses.
LARGEST = 20 << 20


def test_machine_has_no_rust(consumer: Consumer) -> None:
    for program in ("cargo", "rustc", "rustup"):
        assert shutil.which(program, path=consumer.environ["PATH"]) is None


@dataclass(frozen=True)
class Built:
    """An example that was built and run.

    Attributes:
        directory: where it is.
        program: the program that came of it.
        output: what the README's commands printed.
    """

    directory: Path
    program: Path
    output: str


@pytest.fixture(scope="module", params=PROGRAMS)
def built(
    request: pytest.FixtureRequest,
    consumer: Consumer,
    dev_server: DevServer,
    repo_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Built:
    """Each example, built and run."""
    name: str = request.param
    require_program(NEEDS.get(name, "cc"))
    directory = tmp_path_factory.mktemp(name) / "some examples"
    shutil.copytree(repo_root / "examples", directory, ignore=shutil.ignore_patterns("zig-*"))
    (script,) = commands(directory / name / "README.md", HEADING)
    assert URL in script
    output = consumer.shell(script.replace(URL, dev_server.url), directory / name)
    return Built(directory / name, directory / name / PROGRAMS[name], output)


def test_program_connects_calls_and_prints(
    consumer: Consumer, server_version: str, built: Built
) -> None:
    assert built.output.splitlines()[-1] == f"server version: {server_version}"
    assert built.program.stat().st_size < LARGEST
    # Where nothing listens: port 0 cannot be connected to.
    refused = consumer.attempt(built.program, "http://127.0.0.1:0", directory=built.directory)
    assert refused.returncode == 1
    assert "Connection failed: " in refused.stdout


def test_program_reports_a_server_that_closes_the_connection_a_hundred_times_of_a_hundred(
    built: Built,
) -> None:
    assert ends_with_closing_peer(built.program) == {1: 100}
