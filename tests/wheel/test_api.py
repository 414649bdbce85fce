"""The Python API, compared with temporal-libs-config."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import temporal_static_libs

if TYPE_CHECKING:
    from tests.wheel.conftest import Command


def test_directories(script: Command) -> None:
    lib_dir, include_dir = script.lines("--libdir", "--includedir")
    assert temporal_static_libs.lib_dir() == Path(lib_dir)
    assert temporal_static_libs.include_dir() == Path(include_dir)


@pytest.mark.parametrize("component", ["sdk-core", "client"])
def test_link_flags(script: Command, component: str) -> None:
    (line,) = script.lines("--libs", "--component", component)
    assert temporal_static_libs.link_flags(component) == tuple(shlex.split(line))


@pytest.mark.parametrize(
    "spelling",
    ["sdk_core", "temporal_sdk_core", "temporal-sdk-core", "libtemporal_sdk_core.a"],
)
def test_component_can_also_be_named_like_its_archive(script: Command, spelling: str) -> None:
    flags = temporal_static_libs.link_flags("sdk-core")
    assert temporal_static_libs.link_flags(spelling) == flags
    (line,) = script.lines("--libs", f"--component={spelling}")
    assert tuple(shlex.split(line)) == flags


def test_link_flags_default_to_sdk_core() -> None:
    assert temporal_static_libs.link_flags() == temporal_static_libs.link_flags("sdk-core")


def test_error_for_an_unknown_component_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown component 'all'; available: sdk-core, client"):
        temporal_static_libs.link_flags("all")


def test_library_set(script: Command) -> None:
    facts = json.loads(script.lines("--json")[0])
    libraries = temporal_static_libs.library_set()
    assert f"{libraries.platform}-{libraries.architecture}" == "-".join(
        facts["platform"].split("-")[:2]
    )
    assert libraries.version == temporal_static_libs.__version__
    assert [library.name for library in libraries.libraries] == [
        "temporal_sdk_core",
        "temporal_client",
    ]
    assert [(str(library.path), library.checksum) for library in libraries.libraries] == [
        (library["path"], library["sha256"]) for library in facts["libraries"]
    ]


def test_library_set_cannot_be_changed() -> None:
    libraries = temporal_static_libs.library_set()
    with pytest.raises(dataclasses.FrozenInstanceError):
        libraries.version = "1"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        libraries.libraries[0].checksum = ""  # type: ignore[misc]


def test_verify_passes() -> None:
    temporal_static_libs.verify()


def test_api_uses_the_override(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_LIBS_DIR", str(tmp_path))
    with pytest.raises(temporal_static_libs.MissingLibraryError, match=r"checksums\.sha256"):
        temporal_static_libs.lib_dir()
