"""Finding protobuf files in their crate, and their licenses."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build.staging import find_protos
from tools import ToolError
from tools.licenses import protos as proto_licenses

FILES = (
    "api_upstream/google/api/http.proto",
    "api_upstream/google/protobuf/any.proto",
    "api_upstream/nexusannotations/v1/options.proto",
    "api_upstream/temporal/api/common/v1/message.proto",
    "api_cloud_upstream/temporal/api/cloud/account/v1/message.proto",
    "google/rpc/status.proto",
    "grpc/health/v1/health.proto",
    "local/temporal/sdk/core/core_interface.proto",
    "protoc-gen-openapiv2/options/annotations.proto",
    "testsrv_upstream/temporal/api/testservice/v1/service.proto",
)


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """A crate laid out like the real one."""
    for name in FILES:
        add(tmp_path, name)
    add(tmp_path, "api_upstream/openapi/openapiv2.json")
    for name in ("api_upstream/LICENSE", "api_cloud_upstream/LICENSE"):
        add(tmp_path, name)
    (tmp_path / "LICENSE.txt").touch()
    return tmp_path


def add(crate: Path, name: str, text: str = "") -> Path:
    """Add a file below the crate's protos/."""
    file = crate / "protos" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def metadata(*crates: Path) -> dict[str, Any]:
    """The metadata that cargo prints for a workspace with these crates."""
    named = [("prost", Path("/prost")), *(("temporalio-protos", crate) for crate in crates)]
    return {
        "packages": [
            {"name": name, "version": "1.2.3", "manifest_path": f"{directory}/Cargo.toml"}
            for name, directory in named
        ]
    }


def test_files_are_found_by_their_import_paths(crate: Path) -> None:
    found = find_protos(metadata(crate))
    assert found[PurePath("google/rpc/status.proto")] == crate / "protos/google/rpc/status.proto"
    assert {path.as_posix() for path in found} == {
        "google/api/http.proto",
        "google/protobuf/any.proto",
        "google/rpc/status.proto",
        "grpc/health/v1/health.proto",
        "nexusannotations/v1/options.proto",
        "protoc-gen-openapiv2/options/annotations.proto",
        "temporal/api/cloud/account/v1/message.proto",
        "temporal/api/common/v1/message.proto",
        "temporal/api/testservice/v1/service.proto",
        "temporal/sdk/core/core_interface.proto",
    }


def test_same_file_in_two_directories_counts_once(crate: Path) -> None:
    add(crate, "api_upstream/google/rpc/status.proto")
    assert len(find_protos(metadata(crate))) == len(FILES)


def test_different_files_with_the_same_path_are_an_error(crate: Path) -> None:
    other = add(crate, "api_upstream/google/rpc/status.proto", "// Other.\n")
    with pytest.raises(CompileError) as caught:
        find_protos(metadata(crate))
    assert str(caught.value).startswith(
        "temporalio-protos has two different versions of google/rpc/status.proto: "
        f"{other} and {crate}/protos/google/rpc/status.proto\n"
    )


def test_crate_without_protobuf_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="temporalio-protos has no protobuf files in "):
        find_protos(metadata(tmp_path))


@pytest.mark.parametrize("count", [0, 2])
def test_no_crate_or_several_crates_are_an_error(crate: Path, count: int) -> None:
    with pytest.raises(CompileError) as caught:
        find_protos(metadata(*[crate] * count))
    problem = f"cargo lists {count} packages named temporalio-protos, expected 1\n"
    assert str(caught.value).startswith(problem)


def test_license_file_names_the_crates_version_and_each_directory(crate: Path) -> None:
    text = proto_licenses.render(metadata(crate))
    assert "the crate temporalio-protos 1.2.3, unmodified" in text
    for entry in proto_licenses.LICENSE_TABLE:
        assert f"\n{entry.name} ({entry.identifier})\n" in text
        for directory in entry.directories:
            assert f"\n{directory}: {entry.identifier}\n" in text


def test_directory_without_a_license_is_an_error(crate: Path) -> None:
    add(crate, "google/type/money.proto")
    with pytest.raises(ToolError, match=r"google/type/money\.proto is not in any dir"):
        proto_licenses.render(metadata(crate))


def test_license_of_a_missing_directory_is_an_error(crate: Path) -> None:
    (crate / "protos/grpc/health/v1/health.proto").unlink()
    with pytest.raises(ToolError, match=r"protos\.json lists grpc, without"):
        proto_licenses.render(metadata(crate))
