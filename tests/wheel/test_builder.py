"""What cibuildwheel contributes to a build's record, as cibuildwheel itself determines it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
import tomli

from tests.support.ci.build_records import build_record
from tools import ROOT
from tools.records.build import RECORD_SCHEMA

if importlib.util.find_spec("cibuildwheel") is None:
    pytest.skip("cibuildwheel is not installed", allow_module_level=True)


def add_builder(record: Path, identifier: str, **environ: str) -> None:
    """Run the step after a build."""
    command: list[str | Path] = [sys.executable, "-m", "tools.wheel.builder", record, identifier]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, check=True)


def identifiers() -> list[str]:
    """The identifiers of the published builds."""
    content = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(content["tool"]["cibuildwheel"]["build"])


@pytest.mark.parametrize("identifier", identifiers())
def test_image_is_recorded_with_its_digest(tmp_path: Path, identifier: str) -> None:
    file = tmp_path / "build-record.json"
    before = {**build_record(), "builder": None}
    file.write_text(json.dumps(before))
    add_builder(file, identifier)
    after = json.loads(file.read_text())
    jsonschema.validate(after, json.loads(RECORD_SCHEMA.read_bytes()))
    builder = after.pop("builder")
    assert {**after, "builder": None} == before
    assert builder["cibuildwheel"] == version("cibuildwheel")
    if "macos" in identifier:
        assert builder["image"] is None
    else:
        name, _, digest = builder["image"].partition("@sha256:")
        kind, _, processor = identifier.partition("-")[2].partition("_")
        assert re.search(rf"/{kind}_\d+_\d+_{processor}$", name)
        assert len(bytes.fromhex(digest)) == 32


def test_image_of_a_rehearsal_is_recorded_by_name(tmp_path: Path) -> None:
    file = tmp_path / "build-record.json"
    file.write_text(json.dumps(build_record()))
    image = {"CIBW_MANYLINUX_X86_64_IMAGE": "local:tag"}
    add_builder(file, "cp311-manylinux_x86_64", **image)
    assert json.loads(file.read_text())["builder"]["image"] == "local:tag"


def test_build_without_a_record_gets_none(tmp_path: Path) -> None:
    add_builder(tmp_path / "build-record.json", "cp311-macosx_arm64")
    assert list(tmp_path.iterdir()) == []
