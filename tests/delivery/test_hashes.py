"""Checksums, and files that are not the right ones."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PROJECT, PackageServer, simple
from benchmarks.harness.pip_user import PINNED, PipUser
from temporal_static_libs import __version__
from tests.support.peers.faulty_proxy import FaultyProxy, flip_a_byte, flipped
from tests.support.pip.wheel_files import reissue, sha256


@pytest.fixture(scope="module")
def impostors(
    package_server: PackageServer, published_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An index with other files under this project's name: the same version and a higher one."""
    directory = tmp_path_factory.mktemp("impostors")
    same = reissue(published_wheel, directory, tag="manylinux_2_17_x86_64")
    higher = reissue(published_wheel, directory, version="99.0")
    package_server.add_index("impostors", [same, higher])
    return "impostors"


@pytest.fixture(scope="module")
def tampered(
    package_server: PackageServer, published_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An index whose wheel has a flipped bit, with the hash of the changed file."""
    copy = tmp_path_factory.mktemp("tampered") / published_wheel.name
    copy.write_bytes(flipped(published_wheel.read_bytes()))
    package_server.add_index("tampered", [copy])
    return "tampered"


def require(user: PipUser, *hashes: str, of: str = PINNED) -> Path:
    """Write a requirements file."""
    file = user.home / "requirements.txt"
    file.write_text(" ".join([of, *(f"--hash=sha256:{each}" for each in hashes)]) + "\n")
    return file


def test_right_hash_is_accepted(user: PipUser, wheels: dict[str, Path]) -> None:
    # As in a lock file for all platforms.
    file = require(user, *map(sha256, wheels.values()))
    user.install("--require-hashes", "--requirement", file)
    assert user.verified() == "linux-x64"


def test_pip_hash_prints_a_line_for_a_requirements_file(
    user: PipUser, published_wheel: Path
) -> None:
    printed = user.pip("hash", published_wheel).stdout
    assert f"--hash=sha256:{sha256(published_wheel)}" in printed


def test_flipped_byte_is_refused_by_require_hashes(
    make_user: Callable[..., PipUser], tampered: str, published_wheel: Path
) -> None:
    user = make_user("victim", tampered)
    before = user.files()
    file = require(user, sha256(published_wheel))
    done = user.pip("install", "--require-hashes", "--requirement", file)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stdout
    assert sha256(published_wheel) in done.stdout
    assert user.files() == before


def test_byte_flipped_in_transit_is_refused_by_the_hash_of_the_index(
    user: PipUser, proxy: FaultyProxy
) -> None:
    proxy.misbehave(".whl", itertools.repeat(flip_a_byte))
    before = user.files()
    done = user.pip("install", PINNED)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stdout
    assert user.files() == before


def test_requirement_without_a_hash_is_refused(user: PipUser) -> None:
    done = user.pip("install", "--require-hashes", "--requirement", require(user))
    assert done.returncode != 0
    assert "Hashes are required in --require-hashes mode" in done.stdout
    assert user.versions() == []


def test_second_index_loses_under_require_hashes(
    user: PipUser, proxy: FaultyProxy, impostors: str, published_wheel: Path
) -> None:
    second = ("--extra-index-url", f"{proxy.url}{simple(impostors)}")
    # Without hashes, the highest version on the two indexes wins.
    user.install("--target", user.home / "fooled", *second, PROJECT)
    assert (user.home / "fooled" / "temporal_static_libs-99.0.dist-info").is_dir()

    file = require(user, sha256(published_wheel))
    user.install("--require-hashes", "--requirement", file, *second)
    assert user.versions() == [__version__]


def test_report_has_the_origin_and_hash_of_the_installed_file(
    user: PipUser, proxy: FaultyProxy, published_wheel: Path
) -> None:
    report = user.home / "report.json"
    user.install("--report", report, PINNED)
    (installed,) = json.loads(report.read_text())["install"]
    origin = installed["download_info"]
    assert origin["url"].startswith(f"{proxy.url}/root/delivery/")
    assert origin["url"].endswith(f"/{published_wheel.name}")
    assert origin["archive_info"]["hashes"] == {"sha256": sha256(published_wheel)}


def test_only_the_configured_index_is_used(
    user: PipUser, proxy: FaultyProxy, impostors: str
) -> None:
    user.install(PROJECT)
    assert user.versions() == [__version__]
    assert all(request.path.startswith("/root/delivery/") for request in proxy.requests)
