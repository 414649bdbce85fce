"""The examples, built and run as their READMEs say, in a path with a blank and without Rust."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_connects_calls_and_prints(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    repo_root: Path,
    tmp_path: Path,
    name: str,
) -> None:
    require_program(NEEDS.get(name, "cc"))
    directory = tmp_path / "some examples"
    shutil.copytree(repo_root / "examples", directory, ignore=shutil.ignore_patterns("zig-*"))
    (script,) = commands(directory / name / "README.md", HEADING)
    assert URL in script
    output = consumer.shell(script.replace(URL, dev_server.url), directory / name)
    assert output.splitlines()[-1] == f"server version: {server_version}"

    program = directory / name / PROGRAMS[name]
    assert program.stat().st_size < LARGEST
    # Where nothing listens: port 0 cannot be connected to.
    refused = consumer.attempt(program, "http://127.0.0.1:0", directory=directory)
    assert refused.returncode == 1
    assert "Connection failed: " in refused.stdout
