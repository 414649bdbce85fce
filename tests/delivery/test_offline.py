"""Without a network, or with the index down: what works and what does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PackageServer
from benchmarks.harness.pip_user import PINNED, PipUser, pip_user
from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands, run
from tests.support.peers.faulty_proxy import running_faulty_proxy

# The index server is down, so pip should not wait for it.
IMPATIENT = {"PIP_RETRIES": "1"}


@pytest.fixture(scope="module")
def stranded(
    package_server: PackageServer, tmp_path_factory: pytest.TempPathFactory, repo_root: Path
) -> PipUser:
    """A user who installed and made a wheelhouse as documented before the index went down."""
    directory = tmp_path_factory.mktemp("stranded")
    with running_faulty_proxy(package_server.url, directory) as proxy:
        user = pip_user(directory / "user", proxy, "delivery")
        user.install(PINNED)
        filling, _ = commands(repo_root / "docs" / "download-client.md", "Without a network")
        run(filling, user.home, user.environ)
    return user


def fresh(user: PipUser, name: str) -> PipUser:
    """The same user with a new virtual environment."""
    environment = user.home / name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    environ = {**user.environ, "PIP_PYTHON": str(environment / "bin" / "python")}
    return PipUser(user.home, environment, user.cache, environ)


def test_wheelhouse_installs_without_a_network(stranded: PipUser, repo_root: Path) -> None:
    _, installing = commands(repo_root / "docs" / "download-client.md", "Without a network")
    user = fresh(stranded, "no-network")
    # In a new network namespace, not even the loopback interface is up.
    prefix = [require_program("unshare"), "--map-root-user", "--net"]
    said = run(installing, user.home, user.environ, *prefix)
    assert "Retrying" not in said
    assert user.verified() == "linux-x64"


def test_satisfied_pin_needs_no_index(stranded: PipUser) -> None:
    said = stranded.install(PINNED)
    assert f"Requirement already satisfied: {PINNED}" in said
    assert "Retrying" not in said


def test_wheelhouse_replaces_an_index_that_is_down(stranded: PipUser) -> None:
    user = fresh(stranded, "with-a-wheelhouse")
    user.install("--find-links", "wheelhouse", PINNED, **IMPATIENT)
    assert user.verified() == "linux-x64"


def test_cache_does_not_replace_an_index_that_is_down(stranded: PipUser, repo_root: Path) -> None:
    user = fresh(stranded, "cache-alone")
    before = user.files()
    done = user.pip("install", PINNED, **IMPATIENT)
    assert done.returncode != 0
    assert "No matching distribution found" in done.stdout
    assert user.files() == before
    page = (repo_root / "docs" / "download-client.md").read_text()
    assert "pip's cache alone installs nothing while the index is down" in page
