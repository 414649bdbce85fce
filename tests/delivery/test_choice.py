"""How pip chooses the wheel by platform and Python, and the version."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PROJECT, PackageServer
from benchmarks.harness.pip_user import NEWER, PINNED, PipUser, pip_user
from temporal_static_libs import __version__
from temporal_static_libs._targets import TARGETS
from tests.support.peers.faulty_proxy import FaultyProxy

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
NEWEST = PYTHONS[-1]

TAGS = [
    pytest.param(target.platform, tag, id=tag) for target in TARGETS for tag in target.wheel_tags
]


def download(user: PipUser, platform_tag: str, python: str) -> tuple[str, list[str]]:
    """Run pip download for a platform and a Python; return its output and the downloaded files."""
    directory = user.home / "downloaded"
    done = user.pip(
        *("download", "--no-deps", "--only-binary=:all:", "--dest", directory),
        *("--platform", platform_tag, "--python-version", python, PROJECT),
    )
    files = [file.name for file in directory.glob("*")]
    assert (done.returncode == 0) == bool(files), done.stdout
    return done.stdout, files


@pytest.mark.parametrize(("platform", "tag"), TAGS)
def test_each_platform_gets_its_own_wheel(
    platform: str, tag: str, user: PipUser, wheels: dict[str, Path]
) -> None:
    _, files = download(user, tag, NEWEST)
    assert files == [wheels[platform].name]


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_gets_the_wheel(python: str, user: PipUser, wheels: dict[str, Path]) -> None:
    _, files = download(user, "manylinux_2_17_x86_64", python)
    assert files == [wheels["linux-x64"].name]


def test_older_python_gets_an_error_with_the_required_version(user: PipUser) -> None:
    said, files = download(user, "manylinux_2_17_x86_64", "3.9")
    assert files == []
    assert f"{__version__} Requires-Python >=3.10" in said


def interpreters(programs: Path) -> dict[str, Path]:
    """Every CPython on this machine that the package supports, by version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    path = os.environ["PATH"].split(os.pathsep)
    # pyenv's shims fail while another version is selected.
    shims = str(pyenv.with_name("shims"))
    search = [*map(str, pyenv.glob("*/bin")), *(each for each in path if each != shims)]
    listed = subprocess.run(
        [
            *(programs / "uv", "python", "list", "--no-config", "--offline", "--only-installed"),
            *("--output-format", "json", ">=3.10"),
        ],
        env={**os.environ, "PATH": os.pathsep.join(search)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # of failing shims
        check=True,
    )
    return {
        ".".join(found["version"].split(".")[:2]): Path(found["path"])
        for found in json.loads(listed.stdout)
        if found["implementation"] == "cpython" and found["variant"] == "default"
    }


def test_installs_with_every_python_of_this_machine(
    delivery_programs: Path, proxy: FaultyProxy, tmp_path: Path
) -> None:
    found = interpreters(delivery_programs)
    assert found
    for version, interpreter in found.items():
        user = pip_user(tmp_path / version, proxy, "delivery", tmp_path / "cache", interpreter)
        user.install(PROJECT)
        (site,) = user.environment.glob("lib/python*/site-packages/temporal_static_libs")
        assert site.parts[-3] == f"python{version}"
        assert user.verified() == "linux-x64"


@pytest.fixture(scope="module")
def two_versions(package_server: PackageServer, published_wheel: Path, newer_wheel: Path) -> str:
    """The name of an index with this version and a later one."""
    package_server.add_index("two-versions", [published_wheel, newer_wheel])
    return "two-versions"


def test_latest_version_is_the_default_and_a_pin_stays(
    two_versions: str, proxy: FaultyProxy, tmp_path: Path
) -> None:
    user = pip_user(tmp_path / "user", proxy, two_versions)
    listed = user.pip("index", "versions", PROJECT)
    assert f"Available versions: {NEWER}, {__version__}\n" in listed.stdout
    user.install(PINNED)
    user.install(PROJECT)  # an installed version is enough
    assert user.versions() == [__version__]
    user.install("--upgrade", PROJECT)
    assert user.versions() == [NEWER]
    fresh = pip_user(tmp_path / "fresh", proxy, two_versions, user.cache)
    fresh.install(PROJECT)
    assert fresh.versions() == [NEWER]
    fresh.install(PINNED)
    assert fresh.versions() == [__version__]
    fresh.install("--upgrade", f"{PINNED}.*")
    assert fresh.versions() == [NEWER]
