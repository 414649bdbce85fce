"""Which archives are active."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_static_libs import ChecksumMismatchError, MissingLibraryError
from temporal_static_libs._checksums import format_checksums, sha256_of
from temporal_static_libs._manifest import ManifestLibrary
from temporal_static_libs._public import LibrarySet, StaticLibrary, describe
from temporal_static_libs._settings import Settings
from temporal_static_libs._sources import prepare
from tests.support.pip.manifests import MANIFEST

ARCHIVES = {"libtemporal_client.a": b"client", "libtemporal_sdk_core.a": b"sdk-core"}


@pytest.fixture
def override(tmp_path: Path) -> Path:
    """A directory with two archives, their checksums, and a manifest of another target."""
    for name, content in ARCHIVES.items():
        (tmp_path / name).write_bytes(content)
    write_checksums(tmp_path, *ARCHIVES)
    manifest = replace(
        MANIFEST,
        target="aarch64-unknown-linux-gnu",
        platform="linux-arm64",
        floor_name="glibc",
        floor_version="2.17",
        libraries=tuple(
            ManifestLibrary(
                component=component,
                file=file,
                size=len(ARCHIVES[file]),
                sha256=sha256_of(tmp_path / file),
                api_functions=1,
                system_libraries=("c",),
                frameworks=(),
            )
            for component, file in (
                ("sdk-core", "libtemporal_sdk_core.a"),
                ("client", "libtemporal_client.a"),
            )
        ),
    )
    (tmp_path / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    return tmp_path


def write_checksums(directory: Path, *names: str) -> None:
    """Record the current content of a directory."""
    text = format_checksums({name: sha256_of(directory / name) for name in names})
    (directory / "checksums.sha256").write_text(text)


def test_wheels_libraries_are_the_default(package_dir: Path) -> None:
    libraries = prepare(Settings({}))
    assert libraries.origin.source == "wheel"
    assert libraries.directory == package_dir / "lib"
    libraries.verify(Settings.from_environ())


def test_override_is_described_by_its_manifest(override: Path) -> None:
    libraries = prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))
    libraries.verify(Settings.from_environ())
    assert libraries.origin.source == "override"
    assert describe(libraries) == LibrarySet(
        platform="linux",
        architecture="arm64",
        version="0.10.1",
        libraries=(
            StaticLibrary(
                "temporal_sdk_core",
                override / "libtemporal_sdk_core.a",
                sha256_of(override / "libtemporal_sdk_core.a"),
            ),
            StaticLibrary(
                "temporal_client",
                override / "libtemporal_client.a",
                sha256_of(override / "libtemporal_client.a"),
            ),
        ),
    )


def test_override_without_manifest_is_linked_like_the_wheels(override: Path) -> None:
    (override / "manifest.json").unlink()
    libraries = prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))
    libraries.verify(Settings.from_environ())
    ours = prepare(Settings({})).manifest
    assert libraries.manifest.target == ours.target
    library = libraries.library("client")
    assert library.system_libraries == ours.libraries[1].system_libraries
    assert library.sha256 == sha256_of(override / "libtemporal_client.a")
    assert library.size == len(ARCHIVES["libtemporal_client.a"])


def test_override_without_manifest_has_no_build_details(override: Path) -> None:
    (override / "manifest.json").unlink()
    manifest = prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)})).manifest
    assert manifest.rustc is None
    assert manifest.cargo_profile is None
    assert manifest.cargo_features is None
    assert manifest.source_commit is None
    assert manifest.cargo_lock_sha256 is None
    assert manifest.rust_sources_sha256 is None
    assert {library.api_functions for library in manifest.libraries} == {None}


def test_override_may_have_only_one_component(override: Path) -> None:
    (override / "manifest.json").unlink()
    write_checksums(override, "libtemporal_client.a")
    libraries = prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))
    assert libraries.library("client").file == "libtemporal_client.a"
    with pytest.raises(MissingLibraryError, match="no archive for the component sdk-core"):
        libraries.library("sdk-core")


@pytest.mark.parametrize(
    ("name", "value"), [("USE_PREBUILT_LIBS", "false"), ("TEMPORAL_LIBS_FALLBACK", "compile")]
)
def test_override_takes_precedence_over_compiling(override: Path, name: str, value: str) -> None:
    assert (
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override), name: value})).origin.source
        == "override"
    )


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"USE_PREBUILT_LIBS": "true"}, id="prebuilt"),
        pytest.param({"TEMPORAL_LIBS_FALLBACK": "compile"}, id="fall-back"),
    ],
)
def test_wheels_libraries_are_used_if_nothing_has_to_be_compiled(
    package_dir: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    # Even if nothing can be compiled.
    environ = {**settings, "PATH": "", "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache")}
    assert prepare(Settings(environ)).directory == package_dir / "lib"
    assert {path.name for path in (tmp_path / "cache").glob("*")} <= {"verified"}


@pytest.mark.parametrize("fallback", ["", "compile"])
def test_missing_override_is_an_error_without_fallback(tmp_path: Path, fallback: str) -> None:
    with pytest.raises(MissingLibraryError, match="the directory does not exist"):
        prepare(
            Settings(
                {"TEMPORAL_LIBS_DIR": str(tmp_path / "none"), "TEMPORAL_LIBS_FALLBACK": fallback}
            )
        )


def test_override_must_have_checksums(override: Path) -> None:
    (override / "checksums.sha256").unlink()
    with pytest.raises(MissingLibraryError, match=r"checksums\.sha256 is missing") as caught:
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))
    assert f"override (TEMPORAL_LIBS_DIR={override})" in str(caught.value)


def test_override_must_pass_its_checksums(override: Path) -> None:
    (override / "libtemporal_client.a").write_bytes(b"tneilc")
    with pytest.raises(ChecksumMismatchError, match=r"libtemporal_client\.a was altered"):
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)})).verify(Settings.from_environ())


def test_every_file_in_the_overrides_checksums_is_checked(override: Path) -> None:
    (override / "extra").write_bytes(b"extra")
    write_checksums(override, *ARCHIVES, "extra")
    (override / "extra").unlink()
    with pytest.raises(MissingLibraryError, match="extra is missing"):
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)})).verify(Settings.from_environ())


def test_overrides_checksums_must_name_an_archive(override: Path) -> None:
    (override / "manifest.json").unlink()
    write_checksums(override)
    (override / "other.a").touch()
    write_checksums(override, "other.a")
    with pytest.raises(MissingLibraryError, match=r"lists none of libtemporal_sdk_core\.a"):
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))


def test_overrides_manifest_and_checksums_must_agree(override: Path) -> None:
    (override / "libtemporal_client.a").write_bytes(b"tneilc")
    write_checksums(override, *ARCHIVES)
    with pytest.raises(ChecksumMismatchError, match=r"disagree about libtemporal_client\.a"):
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))


@pytest.mark.parametrize(
    ("name", "content"),
    [("checksums.sha256", "not found"), ("manifest.json", '{"version"'), ("manifest.json", "{}")],
)
def test_damaged_description_is_named_in_the_error(override: Path, name: str, content: str) -> None:
    (override / name).write_text(content)
    with pytest.raises(MissingLibraryError) as caught:
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))
    assert str(caught.value).startswith(f"{name} is damaged: ")
    assert str(override / name) in str(caught.value)


@pytest.mark.parametrize("name", ["checksums.sha256", "manifest.json"])
def test_description_that_is_not_utf8_counts_as_damaged(override: Path, name: str) -> None:
    (override / name).write_bytes(b"\xff\xfe")
    with pytest.raises(MissingLibraryError, match="is damaged"):
        prepare(Settings({"TEMPORAL_LIBS_DIR": str(override)}))
