"""Fixtures for every test folder. Tests run against an installed wheel, never the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO_ROOT = Path(__file__).resolve().parent.parent
# For tests.support, tools and benchmarks. Last, so that the installed package hides the checkout's.
sys.path.append(str(REPO_ROOT))

import temporal_static_libs
from benchmarks.harness.package_index import PackageServer, running_package_server
from benchmarks.harness.sdist_build import build_sdist
from temporal_static_libs._targets import target_of_triple
from tests.support.abi.capi import (
    CApi,
    declarations,
    function_names,
    header_path,
    link_shared_library,
)
from tests.support.abi.completion_queue import CompletionQueue, completion_queue
from tests.support.ci.skips import SkipPolice, in_ci
from tests.support.pip.tiny_tree import plant_tiny_tree
from tools.dev_server import NO_RATE_LIMITS, DevServer, running_dev_server

SETTINGS = (
    "TEMPORAL_LIBS_BOOTSTRAP_RUST",
    "TEMPORAL_LIBS_BUILD_RECORD",
    "TEMPORAL_LIBS_CACHE_DIR",
    "TEMPORAL_LIBS_CARGO_PROFILE",
    "TEMPORAL_LIBS_DIR",
    "TEMPORAL_LIBS_FALLBACK",
    "TEMPORAL_LIBS_LINE_TABLES",
    "TEMPORAL_LIBS_METRICS",
    "TEMPORAL_LIBS_TARGET",
    "TEMPORAL_LIBS_VERIFY",
    "USE_PREBUILT_LIBS",
)
# Variables that make sets for a make that it starts. They are removed, because a make that a test
# starts is independent of the one that runs the tests.
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test the checkout's package in place of the installed one."""
    package = Path(temporal_static_libs.__file__).resolve().parent
    if package == REPO_ROOT / "temporal_static_libs":
        raise pytest.UsageError(
            f"{package} is the checkout's package: install the wheel into a venv and run that "
            "venv's 'pytest', not 'python -m pytest' ('make test' does all of this)"
        )
    for name in OF_MAKE:
        os.environ.pop(name, None)
    if in_ci():
        config.pluginmanager.register(SkipPolice())


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout, or unpacked source distribution, that the tests are in."""
    return REPO_ROOT


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel file under test, the one that is installed."""
    value = os.environ.get("TEMPORAL_LIBS_TEST_WHEEL")
    if not value:
        pytest.fail("TEMPORAL_LIBS_TEST_WHEEL must name the wheel file; 'make test' sets it")
    path = Path(value).absolute()
    if not path.is_file():
        pytest.fail(f"TEMPORAL_LIBS_TEST_WHEEL names {path}, which is not a file")
    return path


@pytest.fixture(scope="session")
def package_dir() -> Path:
    """The installed package."""
    return Path(temporal_static_libs.__file__).resolve().parent


@pytest.fixture(scope="session")
def dev_server() -> Iterator[DevServer]:
    """A Temporal dev server on a free port of the loopback interface, one for the whole run."""
    # Without limits: programs that call as fast as they can would keep others from connecting.
    with running_dev_server(dynamic_config=NO_RATE_LIMITS) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove the developer's settings, and use a separate cache so that theirs does not change."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TEMPORAL_LIBS_CACHE_DIR", str(tmp_path_factory.mktemp("cache") / "own"))
        yield


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The installed header's declarations, preprocessed."""
    return declarations(header_path(), tmp_path_factory.mktemp("header"))


@pytest.fixture(scope="session")
def capi(declared: str, tmp_path_factory: pytest.TempPathFactory) -> CApi:
    """The installed sdk-core archive, linked and loaded."""
    scratch = tmp_path_factory.mktemp("sdk-core")
    library = link_shared_library(function_names(declared), "sdk-core", scratch)
    return CApi(declared, library)


@pytest.fixture
def runtime(capi: CApi) -> Iterator[Any]:
    """A runtime with default options."""
    with capi.runtime() as made:
        yield made


@pytest.fixture
def queue(capi: CApi) -> Iterator[CompletionQueue]:
    """A completion queue."""
    with completion_queue(capi) as made:
        yield made


@pytest.fixture(scope="session")
def published_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel under test, with the tags of a published wheel."""
    copy = tmp_path_factory.mktemp("published") / wheel.name
    shutil.copyfile(wheel, copy)
    if "-linux_" not in wheel.name:
        return copy  # as the repair step left it
    manifest = json.loads(zipfile.ZipFile(wheel).read("temporal_static_libs/lib/manifest.json"))
    tags = target_of_triple(manifest["target"]).wheel_tags
    command = [sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag"]
    done = subprocess.run(
        [*command, ".".join(tags), copy], stdout=subprocess.PIPE, text=True, check=True
    )
    return copy.with_name(done.stdout.split()[-1])


@pytest.fixture(scope="session")
def tiny_sdist(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of a tree that compiles in a second."""
    scratch = tmp_path_factory.mktemp("tiny")
    return build_sdist(plant_tiny_tree(scratch / "tree", repo_root), scratch / "sdist")


@pytest.fixture(scope="session")
def delivery_programs(repo_root: Path) -> Path:
    """The directory with the programs of a package index, and of clients other than pip."""
    programs = repo_root / ".venv" / "delivery" / "bin"
    if not (programs / "devpi-server").is_file():
        pytest.fail(f"{programs} has no devpi-server; 'make .venv/delivery/.ready' installs it")
    return programs


@pytest.fixture(scope="session")
def package_server(
    delivery_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PackageServer]:
    """A server of package indexes, shared by the whole run."""
    scratch = tmp_path_factory.mktemp("package-server")
    with running_package_server(delivery_programs, scratch) as server:
        yield server


@pytest.fixture(scope="session")
def index(package_server: PackageServer, published_wheel: Path, tiny_sdist: Path) -> str:
    """The URL of an index that holds the wheel and the source distribution."""
    return package_server.add_index("published", [published_wheel, tiny_sdist])
