"""The protobuf files in the wheel: complete, unmodified, licensed, and usable with protoc."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.docs.commands import commands, run
from tests.support.programs.protoc import compile_protos, without_unused_imports
from tools.licenses import protos as proto_licenses
from tools.licenses.sections import SECTION

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

IMPORT = re.compile(r'^import\s+(?:public\s+|weak\s+)?"([^"]+)";', re.MULTILINE)
LICENSES = "LICENSES.txt"
# Not in the crate, because each protoc includes it.
PROTOCS_OWN = {PurePath("google/protobuf/field_mask.proto")}

# Text at the beginning of files that state their license.
HEADS = {
    "Apache-2.0": "Licensed under the Apache License, Version 2.0",
    "BSD-3-Clause": "Redistribution and use in source and binary forms",
    "MIT": "The MIT License",
}
# The files that a bridge needs; protoc finds the rest itself.
BRIDGE = (
    "temporal/sdk/core/core_interface.proto",
    "temporal/api/workflowservice/v1/service.proto",
    "temporal/api/operatorservice/v1/service.proto",
    "temporal/api/cloud/cloudservice/v1/service.proto",
    "temporal/api/testservice/v1/service.proto",
    "temporal/api/errordetails/v1/message.proto",
    "grpc/health/v1/health.proto",
    "google/rpc/status.proto",
)


@pytest.fixture(scope="module")
def protodir(package_dir: Path) -> Path:
    """The installed directory."""
    return package_dir / "share" / "proto"


@pytest.fixture(scope="module")
def shipped(protodir: Path) -> dict[PurePath, str]:
    """SHA-256 of each protobuf file, by import path."""
    return {file.relative_to(protodir): sha256(file) for file in protodir.rglob("*.proto")}


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    """The metadata that cargo prints for the workspace."""
    return proto_licenses.read_metadata()


@pytest.fixture(scope="module")
def licenses(protodir: Path) -> dict[PurePath, str]:
    """The directories in the license file, with their licenses."""
    head = (protodir / LICENSES).read_text(encoding="utf-8").partition(SECTION)[0]
    return {PurePath(name): it for name, it in re.findall(r"^(\S+): (\S+)$", head, re.MULTILINE)}


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def license_of(path: PurePath, licenses: Mapping[PurePath, str]) -> str | None:
    """The license of the innermost listed directory."""
    return next((licenses[parent] for parent in path.parents if parent in licenses), None)


def test_every_file_of_the_crate_is_included_unmodified(
    shipped: dict[PurePath, str], metadata: dict[str, Any]
) -> None:
    (crate,) = (it for it in metadata["packages"] if it["name"] == "temporalio-protos")
    files = list(Path(crate["manifest_path"]).parent.rglob("*.proto"))
    assert len(files) == len(shipped) > 90
    assert sorted(map(sha256, files)) == sorted(shipped.values())


def test_there_are_only_protobuf_files_and_licenses(protodir: Path) -> None:
    others = [it for it in protodir.rglob("*") if it.is_file() and it.suffix != ".proto"]
    assert others == [protodir / LICENSES]


def test_every_import_is_a_file_or_comes_with_protoc(
    protodir: Path, shipped: dict[PurePath, str]
) -> None:
    imports = {
        (path, PurePath(name))
        for path in shipped
        for name in IMPORT.findall((protodir / path).read_text(encoding="utf-8"))
    }
    assert len(imports) > len(shipped)
    assert {name for _, name in imports if name not in shipped} == PROTOCS_OWN


def test_protoc_compiles_the_files_for_a_bridge(protodir: Path, tmp_path: Path) -> None:
    compiled = compile_protos(protodir, BRIDGE, tmp_path)
    services = {f"{file.package}.{it.name}" for file in compiled.file for it in file.service}
    assert services == {
        "temporal.api.workflowservice.v1.WorkflowService",
        "temporal.api.operatorservice.v1.OperatorService",
        "temporal.api.cloud.cloudservice.v1.CloudService",
        "temporal.api.testservice.v1.TestService",
        "grpc.health.v1.Health",
    }
    messages = {f"{file.package}.{it.name}" for file in compiled.file for it in file.message_type}
    assert {
        "coresdk.workflow_activation.WorkflowActivation",
        "coresdk.workflow_completion.WorkflowActivationCompletion",
        "coresdk.activity_task.ActivityTask",
        "coresdk.nexus.NexusTask",
        "coresdk.ActivityTaskCompletion",
    } <= messages


def test_protoc_compiles_all_files(
    protodir: Path, shipped: dict[PurePath, str], tmp_path: Path
) -> None:
    compiled = compile_protos(protodir, sorted(map(str, shipped)), tmp_path)
    assert {PurePath(file.name) for file in compiled.file} == {*shipped, *PROTOCS_OWN}


def test_commands_of_the_page_generate_importable_code(repo_root: Path, tmp_path: Path) -> None:
    install_and_look, generate = commands(repo_root / "docs" / "protobuf.md", "Generate code")
    install, _, look = install_and_look.partition("\n")
    assert install == "pip install temporal-static-libs"
    assert "workflowservice" in run(look, tmp_path, os.environ)
    assert without_unused_imports(run(generate, tmp_path, os.environ)) == ""
    program = (
        "from temporal.sdk.core.workflow_activation import workflow_activation_pb2 as it; "
        "print(it.WorkflowActivation(run_id='r', is_replaying=True).SerializeToString())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        # First on the path, and separate from google/, which belongs to protobuf.
        env={**os.environ, "PYTHONPATH": str(tmp_path / "generated")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "b'\\n\\x01r\\x18\\x01'\n"


def test_license_file_matches_the_crate(
    protodir: Path, repo_root: Path, metadata: dict[str, Any]
) -> None:
    text = proto_licenses.render(metadata)
    committed = (repo_root / "rust" / "PROTO-LICENSES.txt").read_text(encoding="utf-8")
    assert committed == text, "the crate has changed: run `make proto-licenses` and commit it"
    assert (protodir / LICENSES).read_text(encoding="utf-8") == text


def test_every_file_has_a_license_that_matches_its_header(
    protodir: Path, shipped: dict[PurePath, str], licenses: dict[PurePath, str]
) -> None:
    stated = 0
    for path in shipped:
        listed = license_of(path, licenses)
        assert listed in HEADS, path
        head = (protodir / path).read_text(encoding="utf-8").partition("\nsyntax")[0]
        named = [identifier for identifier, words in HEADS.items() if words in head]
        assert named in ([], [listed]), path
        stated += len(named)
    assert stated >= 13  # google/, grpc/ and testservice/


def test_every_license_belongs_to_an_existing_directory(
    protodir: Path, licenses: dict[PurePath, str]
) -> None:
    assert {path.parts[0] for path in licenses} == {
        entry.name for entry in protodir.iterdir() if entry.is_dir()
    }
    assert all((protodir / path).is_dir() for path in licenses)


def test_apache_license_is_that_of_the_named_package(repo_root: Path) -> None:
    text = (repo_root / "tools" / "licenses" / "texts" / "Apache-2.0.txt").read_text(
        encoding="utf-8"
    )
    (original,) = (
        file
        for file in distribution("googleapis-common-protos").files or ()
        if file.name == "LICENSE"
    )
    assert text == original.read_text(encoding="utf-8")


def test_json_names_the_directory(script: Command, protodir: Path) -> None:
    assert json.loads(script.lines("--json")[0])["protodir"] == str(protodir)


def test_directory_is_the_wheels_with_any_archives(command: Command, protodir: Path) -> None:
    for environ in ({"TEMPORAL_LIBS_DIR": "/nonexistent"}, {"USE_PREBUILT_LIBS": "false"}):
        assert command.lines("--protodir", environ=environ) == [str(protodir)]


def test_missing_directory_is_an_error(
    command: Command, copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    package = copy_site(tmp_path / "site")
    missing = (package / "share" / "proto").rename(tmp_path / "elsewhere")
    environ = {"PYTHONPATH": str(package.parent)}
    done = command.run("--protodir", environ=environ)
    message = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    assert message.startswith("temporal-libs-config: error: the protobuf files are missing\n")
    assert f"\n  file:   {package / 'share' / 'proto'}\n" in message
    assert "-m pip install --force-reinstall" in message
    report = command.run("--doctor", environ=environ)
    assert report.returncode == 1
    assert "\nbroken  protobuf files: the protobuf files are missing; file: " in (
        report.stdout.decode()
    )
    assert missing.is_dir()
