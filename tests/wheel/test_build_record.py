"""The record of a build, also of a failed one, with real builds of a tiny workspace."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.support.ci.git_tree import commit_all
from tests.support.programs.sccache import own_sccache

if TYPE_CHECKING:
    from tests.support.pip.tiny_package import TinyPackage
    from tests.wheel.conftest import TinyTree

VARIABLE = "TEMPORAL_LIBS_BUILD_RECORD"
BUILT = ["prepare", "compile", "finish sdk-core", "finish client", "describe"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path for records, in a directory that does not exist."""
    return tmp_path / "records" / "build-record.json"


@pytest.fixture(scope="session")
def validator(package_dir: Path) -> jsonschema.Draft202012Validator:
    """A validator with the schema of the installed package."""
    text = (package_dir / "share" / "build-record.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(file: Path, validator: jsonschema.Draft202012Validator) -> dict[str, Any]:
    """Read a record and validate it; check that there is no other file."""
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    validator.validate(record)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
    return record


def repair(
    tree: TinyTree, built: Path, directory: Path, file: Path
) -> subprocess.CompletedProcess[str]:
    """Run the repair step like `make wheel`."""
    return subprocess.run(
        [sys.executable, "-m", "tools.wheel.repair", built, directory],
        cwd=tree.root,
        env={**tree.environ, VARIABLE: str(file)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_build_and_repair_make_one_complete_record(
    tiny_tree: TinyTree, tmp_path: Path, file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    commit = commit_all(tiny_tree.root)
    built = tiny_tree.wheel(tmp_path / "built", {VARIABLE: str(file)})
    half = read(file, validator)
    assert (list(half["phases"]), half["wheel"]) == (BUILT, None)

    done = repair(tiny_tree, built, tmp_path / "repaired", file)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "repaired").iterdir()
    record = read(file, validator)
    assert list(record["phases"]) == [*BUILT, "prove", "tag"]
    assert {name: record["phases"][name] for name in BUILT} == half["phases"]
    assert record["wheel"] == {
        "file": wheel.name,
        "size": wheel.stat().st_size,
        "tags": ["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
    }
    staged = tiny_tree.root / "temporal_static_libs" / "lib"
    assert record["archives"] == [
        {"component": component, "file": name, "size": (staged / name).stat().st_size}
        for component, name in (
            ("sdk-core", "libtemporal_sdk_core.a"),
            ("client", "libtemporal_client.a"),
        )
    ]
    # The repair step ran in this test's environment.
    assert record["environment"]["python"] == platform.python_version()
    assert record["environment"]["packages"]["lief"] == version("lief")
    assert (half["environment"], record["builder"], record["error"]) == (None, None, None)
    assert (record["platform"], record["profile"]) == ("linux-x64", "quick")
    assert record["commit"] == commit
    rustc = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    assert record["toolchain"] == {
        "rustc": rustc.splitlines()[0],
        "host": re.findall(r"^host: (.+)$", rustc, re.MULTILINE)[0],
    }
    # It contains cargo's time, within the time of the build.
    assert 0.05 < record["phases"]["compile"] < 600


def test_record_distinguishes_fresh_from_compiled_units(
    tiny_tree: TinyTree, tmp_path: Path, file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    counts = []
    for name in ("cold", "warm"):
        tiny_tree.wheel(tmp_path / name, {VARIABLE: str(file)})
        counts.append(read(file, validator)["cargo"])
    units = counts[0]["compiled"]
    assert units >= 2
    assert counts == [{"fresh": 0, "compiled": units}, {"fresh": units, "compiled": 0}]


def test_record_of_sources_that_do_not_compile(
    tiny_tree: TinyTree, tmp_path: Path, file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    (tiny_tree.root / "rust" / "sdk-core" / "src" / "lib.rs").write_text("this is not Rust\n")
    done = tiny_tree.pip("wheel", "-w", str(tmp_path / "out"), ".", environ={VARIABLE: str(file)})
    assert done.returncode != 0
    record = read(file, validator)
    assert record["error"] == {
        "type": "CompileError",
        "message": "cargo could not compile temporal-static-libs-sdk-core; see its output above "
        "(exit status 101)",
        "phase": "compile",
    }
    assert list(record["phases"]) == ["prepare", "compile"]
    assert record["platform"] == "linux-x64"
    # The previous crate in the workspace was compiled.
    assert record["cargo"]["compiled"] >= 1
    assert record["archives"] == []


@pytest.mark.parametrize(
    ("name", "value", "error", "phase"),
    [
        pytest.param(
            *("TEMPORAL_LIBS_TARGET", "riscv64gc-unknown-linux-gnu"),
            *("UnsupportedPlatformError", None),
            id="platform",
        ),
        pytest.param("PATH", "/nowhere", "CompileError", "prepare", id="no-rust"),
        pytest.param(
            "TEMPORAL_LIBS_BOOTSTRAP_RUST", "maybe", "SettingError", "prepare", id="setting"
        ),
    ],
)
def test_record_of_a_build_that_fails_before_compiling(
    tiny_tree: TinyTree,
    file: Path,
    validator: jsonschema.Draft202012Validator,
    name: str,
    value: str,
    error: str,
    phase: str | None,
) -> None:
    """Uses Hatchling directly, because pip would ask the hook for its requirements first."""
    program = "import hatchling.builders.wheel as w; next(w.WheelBuilder('.').build(directory='x'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tiny_tree.root,
        env={**tiny_tree.environ, VARIABLE: str(file), name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    record = read(file, validator)
    assert (record["error"]["type"], record["error"]["phase"]) == (error, phase)
    assert record["error"]["message"]
    assert record["toolchain"] is None


def test_record_of_a_failed_repair(
    tiny_tree: TinyTree, tmp_path: Path, file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    built = tiny_tree.wheel(tmp_path / "built", {VARIABLE: str(file)})
    targets = tiny_tree.root / "temporal_static_libs" / "_targets.py"
    text = targets.read_text(encoding="utf-8")
    assert text.count('-linux-gnu", "2.17"') == 2
    # A glibc that Zig does not know.
    targets.write_text(text.replace('-linux-gnu", "2.17"', '-linux-gnu", "1.1"'))
    done = repair(tiny_tree, built, tmp_path / "repaired", file)
    assert done.returncode == 1
    record = read(file, validator)
    assert (record["error"]["type"], record["error"]["phase"]) == ("FloorError", "prove")
    assert (list(record["phases"]), record["wheel"]) == ([*BUILT, "prove"], None)


@pytest.mark.parametrize("left", [None, "{", '{"target": "x86_64-unknown-linux-gnu"}', "other"])
def test_repair_does_not_change_other_files(
    tiny_tree: TinyTree, tmp_path: Path, file: Path, left: str | None
) -> None:
    built = tiny_tree.wheel(tmp_path / "built", {VARIABLE: str(file)})
    if left == "other":
        record = json.loads(file.read_text())
        record["archives"][0]["size"] += 1
        left = json.dumps(record)
    if left is None:
        file.unlink()
    else:
        file.write_text(left)
    done = repair(tiny_tree, built, tmp_path / "repaired", file)
    assert done.returncode == 0, done.stderr
    assert f"{VARIABLE}: {file} was not completed: " in done.stderr
    assert (file.read_text() if file.exists() else None) == left


def test_unwritable_record_does_not_fail_the_build(tiny_tree: TinyTree, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "build-record.json"
    done = tiny_tree.pip(
        *("wheel", "-v", "-w", str(tmp_path / "out"), "."), environ={VARIABLE: str(place)}
    )
    assert done.returncode == 0, done.stdout
    assert f"{VARIABLE}: {place} cannot be written: " in done.stdout
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_compile_fallback_records_sccaches_hits(
    tiny_package: TinyPackage,
    tmp_path: Path,
    file: Path,
    validator: jsonschema.Draft202012Validator,
) -> None:
    served = []
    with own_sccache(tmp_path) as sccache:
        for _ in range(2):
            settings = {"USE_PREBUILT_LIBS": "false", VARIABLE: str(file), **sccache.settings}
            tiny_package.answer("--verify", **settings)
            (tiny_package.compiled / "manifest.json").unlink()
            record = read(file, validator)
            assert (record["error"], record["wheel"]) == (None, None)
            served.append(record["sccache"])
    first, second = served
    assert first["hits"] == 0
    assert first["misses"] >= 1
    assert second["hits"] >= 1
