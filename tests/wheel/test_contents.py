"""The content of the wheel, and whether its metadata is true."""

from __future__ import annotations

import base64
import csv
import email
import email.message
import hashlib
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from packaging.utils import parse_wheel_filename

from temporal_static_libs import __version__
from temporal_static_libs._build.header import read_header
from temporal_static_libs._build.source_tree import (
    rust_sources_sha256,
    source_commit,
    sources_of_package,
    sources_of_tree,
)
from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._targets import target_of_triple

PACKAGE = "temporal_static_libs"
DIST_INFO = f"{PACKAGE}-{__version__}.dist-info"
HEADER = f"{PACKAGE}/include/temporal-sdk-core-c-bridge.h"

# The functions that `client` lacks.
WORKER_SIDE = ("worker_", "complete_async_", "ephemeral_server_")


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files."""
    directory = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def lib(unpacked: Path) -> Path:
    """The directory of the archives."""
    return unpacked / PACKAGE / "lib"


@pytest.fixture(scope="module")
def manifest(lib: Path) -> dict[str, Any]:
    """The manifest."""
    loaded: dict[str, Any] = json.loads((lib / "manifest.json").read_text())
    return loaded


def message(file: Path) -> email.message.Message:
    """A metadata file."""
    return email.message_from_string(file.read_text(encoding="utf-8"))


def api_symbols(archive: Path) -> set[str]:
    """The API functions that are defined in an archive, according to binutils."""
    done = subprocess.run(
        ["nm", "--defined-only", "--extern-only", "--just-symbols", archive],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in done.stdout.split() if name.startswith("temporal_core_")}


def test_tag_is_for_any_python_3_on_the_archives_platform(
    wheel: Path, unpacked: Path, manifest: dict[str, Any]
) -> None:
    _, version, _, tags = parse_wheel_filename(wheel.name)
    assert str(version) == __version__
    assert {(tag.interpreter, tag.abi) for tag in tags} == {("py3", "none")}
    target = target_of_triple(manifest["target"])
    unproven = {target.build_tag(manifest["floor"]["version"])}
    assert {tag.platform for tag in tags} in (unproven, set(target.wheel_tags))
    metadata = message(unpacked / DIST_INFO / "WHEEL")
    assert sorted(metadata.get_all("Tag", [])) == sorted(str(tag) for tag in tags)
    assert metadata["Root-Is-Purelib"] == "false"


def test_metadata(unpacked: Path) -> None:
    metadata = message(unpacked / DIST_INFO / "METADATA")
    assert metadata["Name"] == "temporal-static-libs"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"].startswith("MIT AND ")
    assert metadata.get_all("License-File") == [
        "LICENSE",
        "rust/PROTO-LICENSES.txt",
        "rust/THIRD-PARTY-LICENSES.txt",
    ]
    assert metadata.get_all("Requires-Dist") is None
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_script_and_entry_points_are_declared(unpacked: Path) -> None:
    assert (unpacked / DIST_INFO / "entry_points.txt").read_text() == (
        "[console_scripts]\ntemporal-libs-config = temporal_static_libs._cli.entry:main\n\n"
        "[cmake.root]\nTemporalStaticLibs = temporal_static_libs\n\n"
        "[pkg_config]\ntemporal-static-libs = temporal_static_libs.lib.pkgconfig\n"
    )


def test_record_has_the_hash_and_size_of_every_file(unpacked: Path) -> None:
    record = unpacked / DIST_INFO / "RECORD"
    with open(record, newline="", encoding="utf-8") as stream:
        rows = {name: (digest, size) for name, digest, size in csv.reader(stream)}
    assert rows.pop(f"{DIST_INFO}/RECORD") == ("", "")
    files = [file for file in unpacked.rglob("*") if file.is_file() and file != record]
    assert {file.relative_to(unpacked).as_posix() for file in files} == set(rows)
    for file in files:
        content = file.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        name = file.relative_to(unpacked).as_posix()
        assert rows[name] == (f"sha256={digest}", str(len(content))), name


def test_wheel_contains_only_the_package(unpacked: Path, repo_root: Path) -> None:
    files = {file.relative_to(unpacked) for file in unpacked.rglob("*") if file.is_file()}
    package = {file for file in files if file.parts[0] == PACKAGE}
    assert {file.parts[0] for file in files} == {PACKAGE, DIST_INFO}
    lib = Path(PACKAGE, "lib")
    assert {file.relative_to(lib).as_posix() for file in package if file.parts[1] == "lib"} == {
        "checksums.sha256",
        "cmake/TemporalStaticLibs/TemporalStaticLibsConfig.cmake",
        "cmake/TemporalStaticLibs/TemporalStaticLibsConfigVersion.cmake",
        "libtemporal_client.a",
        "libtemporal_sdk_core.a",
        "manifest.json",
        "pkgconfig/temporal-client-static.pc",
        "pkgconfig/temporal-client.pc",
        "pkgconfig/temporal-sdk-core-static.pc",
        "pkgconfig/temporal-sdk-core.pc",
    }
    sources = {
        file.relative_to(repo_root)
        for file in (repo_root / PACKAGE).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    record = Path(PACKAGE, "SOURCE_COMMIT")
    protos = Path(PACKAGE, "share", "proto")  # generated like lib; test_protos.py checks it
    assert any(file.is_relative_to(protos) for file in package)
    carried = {file for file in package if file.parts[1] not in ("lib", "rust")} - {record}
    assert {file for file in carried if not file.is_relative_to(protos)} == {
        file for file in sources if file.parts[1] != "lib" and not file.is_relative_to(protos)
    }


def test_rust_sources_are_those_of_the_archives(
    unpacked: Path, repo_root: Path, manifest: dict[str, Any]
) -> None:
    carried = sources_of_package(unpacked / PACKAGE)
    files = {
        file.relative_to(carried.workspace).as_posix(): file.read_bytes()
        for file in carried.workspace.rglob("*")
        if file.is_file()
    }
    ours = sources_of_tree(repo_root)
    assert files == {
        file.relative_to(ours.workspace).as_posix(): file.read_bytes() for file in ours.rust_files()
    }
    assert {"Cargo.lock", "Cargo.toml", ".cargo/config.toml", "c-api/build.rs"} <= set(files)
    assert manifest["rust_sources_sha256"] == rust_sources_sha256(carried)
    assert source_commit(carried) == manifest["source_commit"]


def test_license_is_the_projects(unpacked: Path, repo_root: Path) -> None:
    text = (unpacked / DIST_INFO / "licenses" / "LICENSE").read_text()
    assert text == (repo_root / "LICENSE").read_text()
    assert text.startswith("MIT License\n")


def test_manifest_conforms_to_its_schema(unpacked: Path, manifest: dict[str, Any]) -> None:
    schema = json.loads((unpacked / PACKAGE / "share" / "manifest.schema.json").read_text())
    jsonschema.validate(manifest, schema)


def test_manifest_describes_this_package(
    unpacked: Path, manifest: dict[str, Any], repo_root: Path
) -> None:
    lock = (repo_root / "rust" / "Cargo.lock").read_bytes()
    header = (unpacked / HEADER).read_bytes()
    target = target_of_triple(manifest["target"])
    assert manifest["version"] == __version__
    assert manifest["platform"] == target.platform
    assert manifest["floor"]["name"] == target.floor_name
    assert manifest["abi"] == read_header(unpacked / HEADER).abi
    assert manifest["cargo_lock_sha256"] == hashlib.sha256(lock).hexdigest()
    assert manifest["header_sha256"] == hashlib.sha256(header).hexdigest()
    assert [library["component"] for library in manifest["libraries"]] == [
        component.name for component in COMPONENTS
    ]


def test_manifest_lists_the_important_features(manifest: dict[str, Any]) -> None:
    crates = manifest["cargo"]["features"]
    assert {"envconfig", "ephemeral-server", "otel", "prometheus", "tls-ring"} <= set(
        crates["temporalio-sdk-core"]
    )
    assert not [name for names in crates.values() for name in names if "aws-lc" in name]


@pytest.mark.parametrize("index", [0, 1], ids=[component.name for component in COMPONENTS])
def test_manifest_matches_each_archive(lib: Path, manifest: dict[str, Any], index: int) -> None:
    library = manifest["libraries"][index]
    content = (lib / library["file"]).read_bytes()
    assert content.startswith(b"!<arch>\n")
    assert library["size"] == len(content)
    assert library["sha256"] == hashlib.sha256(content).hexdigest()
    assert library["api_functions"] == len(api_symbols(lib / library["file"]))


def test_sha256sum_accepts_the_checksums(lib: Path, manifest: dict[str, Any]) -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "checksums.sha256"],
        cwd=lib,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == sorted(
        f"{library['file']}: OK" for library in manifest["libraries"]
    )


def test_sdk_core_defines_every_function_of_the_header(unpacked: Path, lib: Path) -> None:
    declared = read_header(unpacked / HEADER).functions
    assert api_symbols(lib / "libtemporal_sdk_core.a") == declared
    assert {"temporal_core_runtime_new", "temporal_core_byte_array_free"} <= declared


def test_client_defines_everything_except_workers(unpacked: Path, lib: Path) -> None:
    declared = read_header(unpacked / HEADER).functions
    assert api_symbols(lib / "libtemporal_client.a") == {
        name for name in declared if not name.removeprefix("temporal_core_").startswith(WORKER_SIDE)
    }


def test_installed_package_matches_the_wheel(
    unpacked: Path, package_dir: Path, manifest: dict[str, Any]
) -> None:
    for file in unpacked.joinpath(PACKAGE).rglob("*"):
        if file.is_file():
            installed = package_dir / file.relative_to(unpacked / PACKAGE)
            assert installed.read_bytes() == file.read_bytes(), installed
