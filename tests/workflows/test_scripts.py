"""The build scripts and make targets that the workflows call, run on this machine."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli

from temporal_static_libs._checksums import sha256_of
from tests.support.ci.git_tree import git
from tests.support.ci.workflow_run import read_workflow
from tests.support.pip.borrowed_environment import borrow_environment
from tools.release.contents import Source, check_sdist
from tools.release.versions import project_version


@pytest.fixture
def checkout(repo_root: Path, tmp_path: Path) -> Path:
    """A clone of the committed tree that uses the tests' environments."""
    if not (repo_root / ".git").exists():
        pytest.skip("the tree is not a git checkout")
    git(tmp_path, "clone", "--quiet", str(repo_root), "checkout")
    return tmp_path / "checkout"


def run(
    *command: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command and check that it succeeds."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done


CONTAINER = {
    "/root/.cargo/registry": "registry",
    "/root/.cache/temporal-static-libs/target": "target",
    "/root/.cache/temporal-static-libs/record": "record",
}
# Runs before cibuildwheel and records its environment and the files in cargo's directories.
NOTE = """\
env -0 > "{notes}/environ"
find "$HOME" -type f > "{notes}/files"
exec"""


@dataclass(frozen=True)
class Started:
    """How cibuildwheel was started.

    Attributes:
        home: the user's home, where an earlier build left a file in each directory.
        environ: its environment.
        mounts: directories of this machine, by their paths in a container.
        files: all files in the home.
    """

    home: Path
    environ: dict[str, str]
    mounts: dict[str, Path]
    files: list[Path]

    def left_in(self, directory: str | Path) -> list[str]:
        """List the files of the earlier build in a directory."""
        return [file.name for file in self.files if file.is_relative_to(directory)]


def start_cibuildwheel(checkout: Path, scratch: Path, **environ: str) -> Started:
    """Start the real cibuildwheel to print what it would build."""
    if importlib.util.find_spec("cibuildwheel") is None:
        pytest.skip("cibuildwheel is not installed")
    programs = borrow_environment(checkout, "cibuildwheel")
    real = (programs / "python").read_text()
    (programs / "python").write_text(real.replace("exec", NOTE.format(notes=scratch), 1))
    home = scratch / "home"
    for directory in (".cargo/registry", ".cache/temporal-static-libs/target"):
        (home / directory).mkdir(parents=True)
        (home / directory / "of-an-earlier-build").touch()
    done = run(
        *("sh", "tools/wheel/cibuildwheel.sh", "cp311-musllinux_x86_64"),
        "--print-build-identifiers",
        cwd=checkout,
        environ={"HOME": str(home), **environ},
    )
    assert done.stdout.splitlines()[-1] == "cp311-musllinux_x86_64"
    noted = (scratch / "environ").read_text().rstrip("\0").split("\0")
    found = dict(line.split("=", 1) for line in noted)
    volumes = re.findall(r"--volume=(\S+):(\S+)", found["CIBW_CONTAINER_ENGINE"])
    assert {place for _, place in volumes} == CONTAINER.keys()
    mounts = {CONTAINER[place]: Path(source) for source, place in volumes}
    assert all(source.is_relative_to(home) for source in mounts.values())
    files = [Path(line) for line in (scratch / "files").read_text().splitlines()]
    return Started(home, found, mounts, files)


def target_outside_of_a_container(checkout: Path, environ: dict[str, str]) -> str:
    """The configured target directory, as cibuildwheel expands it."""
    content = tomli.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    value = content["tool"]["cibuildwheel"]["environment"]["CARGO_TARGET_DIR"]
    environment = importlib.import_module("cibuildwheel.environment")
    parsed = environment.parse_environment(f'CARGO_TARGET_DIR="{value}"')
    made: str = parsed.as_dictionary(environ)["CARGO_TARGET_DIR"]
    return made


def test_cibuildwheel_gets_its_arguments_and_the_mounts(checkout: Path, tmp_path: Path) -> None:
    started = start_cibuildwheel(checkout, tmp_path, RELEASE="false")
    for name in ("registry", "target"):
        assert started.left_in(started.mounts[name]) == ["of-an-earlier-build"]
        assert started.mounts[name].is_dir()
    target = target_outside_of_a_container(checkout, started.environ)
    assert target == str(started.mounts["target"])
    assert "CARGO_HOME" not in started.environ.keys() - os.environ.keys()


def test_release_uses_no_leftovers_of_an_earlier_build(checkout: Path, tmp_path: Path) -> None:
    started = start_cibuildwheel(checkout, tmp_path, RELEASE="true")
    # In a container, these are the mounts.
    assert started.left_in(started.mounts["registry"]) == []
    assert started.left_in(started.mounts["target"]) == []
    # On macOS, these are the directories that cargo and cibuildwheel use.
    target = target_outside_of_a_container(checkout, started.environ)
    assert target == str(started.mounts["target"])
    assert started.environ["CARGO_HOME"] == str(started.mounts["registry"].parent)
    fresh = [target, started.environ["CARGO_HOME"], started.environ["CIBW_CACHE_PATH"]]
    for directory in fresh:
        assert started.left_in(directory) == []
        assert not Path(directory).exists()
    # The record would include them.
    assert started.left_in(started.home) == ["of-an-earlier-build"] * 2


def test_wheel_job_sets_whether_it_is_a_release(repo_root: Path) -> None:
    workflow = read_workflow(repo_root / ".github/workflows/temporal-static-libraries.yml")
    (build,) = [
        step
        for step in workflow["jobs"]["wheel"]["steps"]
        if "tools/wheel/cibuildwheel.sh" in step.get("run", "")
    ]
    assert build["env"]["RELEASE"] == "${{ needs.plan.outputs.release }}"
    # All other jobs that publish something run on fresh machines of GitHub.
    for name in ("records", "sdist", "assemble", "attest", "github-release", "pypi"):
        assert workflow["jobs"][name]["runs-on"] == "ubuntu-24.04"


def test_script_fails_if_cibuildwheel_fails(checkout: Path, tmp_path: Path) -> None:
    programs = borrow_environment(checkout, "cibuildwheel")
    (programs / "python").write_text("#!/bin/sh\nexit 3\n")
    command = ["sh", "tools/wheel/cibuildwheel.sh", "cp311-musllinux_x86_64"]
    environ = {**os.environ, "HOME": str(tmp_path / "home")}
    assert subprocess.run(command, cwd=checkout, env=environ, check=False).returncode == 3


def test_result_of_make_sdist_can_be_released(checkout: Path) -> None:
    borrow_environment(checkout, "build")
    run("make", "sdist", cwd=checkout)
    (sdist,) = (checkout / "dist" / "sdist").iterdir()
    lock = sha256_of(checkout / "rust" / "Cargo.lock")
    commit = git(checkout, "rev-parse", "HEAD")
    check_sdist(sdist, Source(project_version(checkout), commit, lock))
