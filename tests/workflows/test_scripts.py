"""The scripts and make targets that build: what the workflows call, run on this machine."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from temporal_static_libs._checksums import sha256_of
from tests.support.ci.git_tree import git
from tests.support.pip.borrowed_environment import borrow_environment
from tools.release.contents import Source, check_sdist
from tools.release.versions import project_version


@pytest.fixture
def checkout(repo_root: Path, tmp_path: Path) -> Path:
    """A clone of what is committed, with environments that are those of the tests."""
    if not (repo_root / ".git").exists():
        pytest.skip("the tree is no git checkout")
    git(tmp_path, "clone", "--quiet", str(repo_root), "checkout")
    return tmp_path / "checkout"


def run(
    *command: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that works."""
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


def test_cibuildwheel_gets_its_arguments_and_the_mounts(checkout: Path, tmp_path: Path) -> None:
    """The real one, asked for what it would build."""
    if importlib.util.find_spec("cibuildwheel") is None:
        pytest.skip("cibuildwheel is not installed")
    programs = borrow_environment(checkout, "cibuildwheel")
    engine = tmp_path / "engine"
    real = (programs / "python").read_text()
    note = f'printf %s "$CIBW_CONTAINER_ENGINE" > "{engine}"\nexec'
    (programs / "python").write_text(real.replace("exec", note))
    home = tmp_path / "home"
    done = run(
        *("sh", "tools/wheel/cibuildwheel.sh", "--only", "cp311-musllinux_x86_64"),
        "--print-build-identifiers",
        cwd=checkout,
        environ={"HOME": str(home)},
    )
    assert done.stdout.splitlines()[-1] == "cp311-musllinux_x86_64"
    mounts = [
        word.removeprefix("--volume=").split(":")
        for word in engine.read_text().split()
        if word.startswith("--volume=")
    ]
    assert [place for _, place in mounts] == [
        "/root/.cargo/registry",
        "/root/.cache/temporal-static-libs/target",
        "/root/.cache/temporal-static-libs/record",
    ]
    assert all(Path(source).is_dir() and Path(source).is_relative_to(home) for source, _ in mounts)


def test_failure_of_cibuildwheel_is_one_of_the_script(checkout: Path, tmp_path: Path) -> None:
    programs = borrow_environment(checkout, "cibuildwheel")
    (programs / "python").write_text("#!/bin/sh\nexit 3\n")
    command = ["sh", "tools/wheel/cibuildwheel.sh", "--only", "cp311-musllinux_x86_64"]
    environ = {**os.environ, "HOME": str(tmp_path / "home")}
    assert subprocess.run(command, cwd=checkout, env=environ, check=False).returncode == 3


def test_make_sdist_makes_one_that_a_release_takes(checkout: Path) -> None:
    borrow_environment(checkout, "build")
    run("make", "sdist", cwd=checkout)
    (sdist,) = (checkout / "dist" / "sdist").iterdir()
    lock = sha256_of(checkout / "rust" / "Cargo.lock")
    commit = git(checkout, "rev-parse", "HEAD")
    check_sdist(sdist, Source(project_version(checkout), commit, lock))
