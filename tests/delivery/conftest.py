"""An index with the wheels of all platforms, a proxy that can inject faults, and users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PackageServer
from benchmarks.harness.pip_user import NEWER, PipUser, pip_user
from temporal_static_libs._targets import TARGETS
from tests.support.peers.faulty_proxy import FaultyProxy, running_faulty_proxy
from tests.support.pip.wheel_files import reissue

# The index that most tests use. These indexes have no other packages.
INDEX = "delivery"


@pytest.fixture(scope="session")
def wheels(published_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each platform: the real one of this platform, and renamed copies of it."""
    directory = tmp_path_factory.mktemp("wheels")
    return {
        target.platform: published_wheel
        if all(tag in published_wheel.name for tag in target.wheel_tags)
        else reissue(published_wheel, directory, tag=".".join(target.wheel_tags))
        for target in TARGETS
    }


@pytest.fixture(scope="session")
def newer_wheel(published_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a later version."""
    return reissue(published_wheel, tmp_path_factory.mktemp("newer"), version=NEWER)


@pytest.fixture(scope="session", autouse=True)
def _index(package_server: PackageServer, wheels: dict[str, Path]) -> None:
    """The index `INDEX`, with one version for all platforms."""
    package_server.add_index(INDEX, wheels.values())


@pytest.fixture
def proxy(package_server: PackageServer, tmp_path: Path) -> Iterator[FaultyProxy]:
    """A proxy for the indexes, used only by this test."""
    with running_faulty_proxy(package_server.url, tmp_path) as running:
        yield running


@pytest.fixture
def make_user(proxy: FaultyProxy, tmp_path: Path) -> Callable[..., PipUser]:
    """A function that makes a user of an index, with a separate cache unless one is given."""

    def make(name: str, index: str = INDEX, cache: Path | None = None) -> PipUser:
        return pip_user(tmp_path / name, proxy, index, cache)

    return make


@pytest.fixture
def user(make_user: Callable[..., PipUser]) -> PipUser:
    """A user with nothing installed and an empty cache."""
    return make_user("user")
