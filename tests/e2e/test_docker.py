"""examples/docker: the Dockerfile that users copy, built as in its README, and run."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from benchmarks.harness.docker_client import Docker, docker_leaving_nothing
from benchmarks.harness.docker_example import (
    DOCKERFILE,
    EXAMPLE,
    PACKAGES,
    default_of,
    download_with_pip,
    make_bases,
    pip_settings_for,
)
from tests.support.ci.skips import require_program
from tests.support.docs import commands as docs_commands
from tools.dev_server import DevServer

STAGES = ("libraries", "build", "run")


@dataclass(frozen=True)
class Images:
    """The images that the Dockerfile makes.

    Attributes:
        docker: the client.
        base: the image with Python.
        stages: the image of each stage.
        files: the files in each of these images, and in the base images, without directories.
    """

    docker: Docker
    base: str
    stages: Mapping[str, str]
    files: Mapping[str, set[str]]


def base_images(docker: Docker) -> dict[str, str]:
    """The Dockerfile's base images, built locally or pulled."""
    if os.environ.get("TEMPORAL_LIBS_TEST_DOCKER_BASES") == "pull":
        pulled = {argument: default_of(argument) for argument in PACKAGES}
        for image in pulled.values():
            docker.output("pull", "--quiet", image)
        return pulled
    require_program("debootstrap")
    return make_bases(docker)


@pytest.fixture(scope="module")
def wheels(published_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel under test and Zig's. Readers of the README get them from PyPI."""
    directory = tmp_path_factory.mktemp("wheels")
    download_with_pip(directory, "--no-deps", f"ziglang=={default_of('ZIGLANG_VERSION')}")
    shutil.copy(published_wheel, directory)
    return directory


@pytest.fixture(scope="module")
def images(
    wheels: Path, repo_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Images]:
    """The images of the unchanged Dockerfile, with pip's index and maybe bases of this machine."""
    (command,) = docs_commands.commands(EXAMPLE / "README.md", "Build it")
    setting, program, verb, *arguments = shlex.split(command)
    assert (setting, program, verb) == ("DOCKER_BUILDKIT=1", "docker", "build")
    scratch = tmp_path_factory.mktemp("docker")
    require_program("docker")
    with (
        pip_settings_for(wheels, scratch / "pip.conf") as options,
        docker_leaving_nothing() as docker,
    ):
        bases = base_images(docker)
        options += [f"--build-arg={argument}={image}" for argument, image in bases.items()]
        stages = {stage: f"{docker.repository}:{stage}" for stage in STAGES}
        # The last one first, as the reader builds it. The others are part of it.
        for stage in reversed(STAGES):
            given = list(arguments)
            given[given.index("--tag") + 1] = stages[stage]
            target = [] if stage == STAGES[-1] else [f"--target={stage}"]
            shown = [
                str(repo_root / word) if word.startswith("examples/") else word for word in given
            ]
            docker.output("build", *options, *target, *shown)
        files = {name: docker.files(image) for name, image in {**stages, **bases}.items()}
        yield Images(docker, bases["BASE"], stages, files)


def test_its_zig_version_is_that_of_all_tests() -> None:
    command = [sys.executable, "-m", "ziglang", "version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert default_of("ZIGLANG_VERSION") == done.stdout.strip()


def test_its_linter_reports_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), DOCKERFILE],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_has_rust(images: Images, stage: str) -> None:
    names = {Path(file).name for file in images.files[stage]}
    assert "sh" in names  # so the search works
    assert names.isdisjoint({"cargo", "rustc", "rustup", "rustup-init"})


@pytest.mark.parametrize("stage", ["libraries", "build"])
def test_no_cache_is_in_a_stage(images: Images, stage: str) -> None:
    added = images.files[stage] - images.files["BASE"]
    assert any(file.endswith("/libtemporal_sdk_core.a") for file in added)
    caches = ("/root/.cache/pip/", "/root/.cache/zig/")
    assert [file for file in added if file.startswith(caches) or file.endswith(".whl")] == []


def test_last_stage_adds_only_the_bridge_to_its_base(images: Images) -> None:
    assert images.files["run"] - images.files["RUN_BASE"] == {
        "/etc/ssl/certs/ca-certificates.crt",
        "/usr/local/bin/zig-bridge-demo",
        "/usr/local/lib/libtemporal_zig_bridge.so",
    }
    programs = {Path(file).name for file in images.files["run"]}
    assert programs.isdisjoint({"pip", "pip3", "python", "python3", "zig"})


def test_its_user_is_not_root(images: Images) -> None:
    image = images.stages["run"]
    assert images.docker.output("run", "--rm", "--entrypoint=id", image, "--user") == "10001\n"


def test_first_lines_of_the_readme_work_on_fresh_debian(
    images: Images, wheels: Path, repo_root: Path
) -> None:
    if os.environ.get("TEMPORAL_LIBS_TEST_DOCKER_BASES") != "pull":
        assert "/usr/lib/python3.11/EXTERNALLY-MANAGED" in images.files["BASE"]
    script = docs_commands.commands(repo_root / "README.md", "Install")[0]
    options = ("--rm", "--network=none", f"--volume={wheels}:/wheels:ro")
    settings = ("--env=PIP_NO_INDEX=1", "--env=PIP_FIND_LINKS=/wheels", "--workdir=/root")
    printed = images.docker.output(
        *("run", *options, *settings, "--entrypoint=sh", images.base),
        *("-euc", f"{script}cat temporal_libs.zig"),
    )
    assert "Links Temporal's static libraries" in printed


def test_container_completes_a_workflow(images: Images, dev_server: DevServer) -> None:
    (command,) = docs_commands.commands(EXAMPLE / "README.md", "Run it")
    program, *arguments = shlex.split(command)
    assert program == "docker"
    arguments[arguments.index("zig-bridge")] = images.stages["run"]
    arguments[arguments.index("--target-url") + 1] = dev_server.url
    output = images.docker.output(*arguments, "--timeout-millis", "60000")
    printed = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
    assert printed["result"] == "12586269025"

    async def result() -> object:
        client = await Client.connect(dev_server.address)
        handle = client.get_workflow_handle(printed["workflow id"], run_id=printed["run id"])
        return await handle.result()

    assert asyncio.run(result()) == 12586269025
