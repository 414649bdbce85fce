"""What every test folder shares: the tests are of an installed wheel, never of the tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from capi import CApi, declarations, header_path, link_shared_library
from skips import SkipPolice, in_ci

import temporal_static_libs

REPO_ROOT = Path(__file__).resolve().parent.parent

SETTINGS = (
    "TEMPORAL_LIBS_BOOTSTRAP_RUST",
    "TEMPORAL_LIBS_CACHE_DIR",
    "TEMPORAL_LIBS_CARGO_PROFILE",
    "TEMPORAL_LIBS_DIR",
    "TEMPORAL_LIBS_FALLBACK",
    "TEMPORAL_LIBS_TARGET",
    "USE_PREBUILT_LIBS",
)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test the checkout's package in place of the installed one."""
    package = Path(temporal_static_libs.__file__).resolve().parent
    if package == REPO_ROOT / "temporal_static_libs":
        raise pytest.UsageError(
            f"{package} is the checkout's package: install the wheel into a venv and run that "
            "venv's 'pytest', not 'python -m pytest' ('make test' does it all)"
        )
    if in_ci():
        config.pluginmanager.register(SkipPolice())


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout, or unpacked source distribution, that the tests are in."""
    return REPO_ROOT


@pytest.fixture(scope="session")
def package_dir() -> Path:
    """The installed package."""
    return Path(temporal_static_libs.__file__).resolve().parent


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the developer's own settings away, so that each test sees only those it makes."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The installed header's declarations, preprocessed."""
    return declarations(header_path(), tmp_path_factory.mktemp("header"))


@pytest.fixture(scope="session")
def capi(declared: str, tmp_path_factory: pytest.TempPathFactory) -> CApi:
    """The installed sdk-core archive, callable."""
    scratch = tmp_path_factory.mktemp("sdk-core")
    return CApi(declared, link_shared_library(declared, "sdk-core", scratch))
