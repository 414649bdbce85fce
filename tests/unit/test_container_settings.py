"""The registry settings of this machine that the rehearsal's container receives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.images.container_settings import container_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory without any configuration."""
    home = tmp_path / "home"
    home.mkdir()
    return home


def of_user(options: list[str]) -> list[str]:
    """The options without those from the machine's system-wide configuration."""
    return [option for option in options if ":/etc/pip.conf:" not in option]


def test_registry_variables_are_passed_on_by_name_only(home: Path) -> None:
    environ = {
        "CARGO_HTTP_CAINFO": "/none/ca.pem",
        "CARGO_REGISTRIES_MIRROR_INDEX": "sparse+https://mirror.invalid/",
        "PIP_INDEX_URL": "https://user:secret@mirror.invalid/simple",
        "https_proxy": "http://proxy.invalid:3128",
    }
    assert of_user(container_settings(environ, home)) == [f"--env={name}" for name in environ]


@pytest.mark.parametrize(
    "name",
    [
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_HOME",
        "CARGO_REGISTRIES_MIRROR_TOKEN",
        "CARGO_REGISTRY_TOKEN",
        "CARGO_TARGET_DIR",
        "PATH",
        "PIP_CACHE_DIR",
        "PIP_TARGET",
        "RUSTFLAGS",
        "TWINE_PASSWORD",
    ],
)
def test_other_variables_are_not_passed_on(home: Path, name: str) -> None:
    assert of_user(container_settings({name: "value"}, home)) == []


def test_empty_variable_is_ignored(home: Path) -> None:
    assert of_user(container_settings({"PIP_INDEX_URL": ""}, home)) == []


def test_files_named_by_variables_are_mounted_at_their_paths(home: Path, tmp_path: Path) -> None:
    bundle, wheels = tmp_path / "ca.pem", tmp_path / "wheels"
    bundle.touch()
    wheels.mkdir()
    environ = {
        "PIP_CERT": str(bundle),
        "PIP_FIND_LINKS": f"{wheels} {tmp_path}/missing https://mirror.invalid/",
        "SSL_CERT_FILE": str(bundle),
    }
    assert of_user(container_settings(environ, home)) == [
        *("--env=PIP_CERT", "--env=PIP_FIND_LINKS", "--env=SSL_CERT_FILE"),
        f"--volume={bundle}:{bundle}:ro",
        f"--volume={wheels}:{wheels}:ro",
    ]


def test_pip_and_cargo_configuration_is_mounted_for_root(home: Path) -> None:
    pip = home / ".config" / "pip" / "pip.conf"
    cargo = home / ".cargo" / "config.toml"
    for file in (pip, cargo):
        file.parent.mkdir(parents=True)
        file.touch()
    assert of_user(container_settings({}, home)) == [
        f"--volume={cargo}:/root/.cargo/config.toml:ro",
        f"--volume={pip}:/root/.config/pip/pip.conf:ro",
    ]


def test_custom_cargo_home_is_respected(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "cargo" / "config.toml"
    config.parent.mkdir()
    config.touch()
    options = of_user(container_settings({"CARGO_HOME": str(config.parent)}, home))
    assert options == [f"--volume={config}:/root/.cargo/config.toml:ro"]
