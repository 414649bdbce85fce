"""Installations for the battery: each test has its own copy, or shares one that it only reads."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.installation.small import Installation, make_installation
from tests.support.system.users import is_root


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of two users if this user cannot become another."""
    if is_root():
        return
    others = [item for item in items if item.get_closest_marker("needs_root")]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def pristine(package_dir: Path) -> Iterator[Installation]:
    """An installation that tests must not change, in a directory that every user can enter."""
    root = Path(tempfile.mkdtemp(prefix="battery-"))
    try:
        root.chmod(0o755)
        yield make_installation(package_dir, root / "pristine")
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def copies(pristine: Installation) -> Iterator[Callable[[], Path]]:
    """A function that makes directories that every user can enter."""
    root = Path(tempfile.mkdtemp(prefix="battery-"))
    root.chmod(0o755)
    try:
        yield lambda: _new(root)
    finally:
        shutil.rmtree(root)


def _new(root: Path) -> Path:
    directory = Path(tempfile.mkdtemp(dir=root, prefix="d-"))
    directory.chmod(0o755)
    return directory


@pytest.fixture
def place(copies: Callable[[], Path]) -> Path:
    """A new directory that every user can enter."""
    return copies()


@pytest.fixture(scope="module")
def shared(pristine: Installation, copies: Callable[[], Path]) -> Installation:
    """An installation shared by the tests of a module, for `reset`."""
    return pristine.copy(copies() / "shared")


@pytest.fixture
def reset(shared: Installation, pristine: Installation) -> Installation:
    """The module's installation with restored libraries, records and cache."""
    shared.reset(pristine)
    time.sleep(0.03)  # files that were just written are not remembered
    return shared


@pytest.fixture
def installation(pristine: Installation, place: Path) -> Installation:
    """A copy of the installation, for the test to change."""
    copy = pristine.copy(place / "own", linked=False)
    time.sleep(0.03)  # files that were just written are not remembered
    return copy
