"""Which crates count as linked, according to cargo, in a workspace with one crate of each kind."""

from __future__ import annotations

import json
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from temporal_static_libs._build.crate_list import crate_list
from tools.licenses.linked_crates import PACKAGE, Crate, linked_crates, platforms_of_crates

LINUX = "x86_64-unknown-linux-gnu"
MACOS = "aarch64-apple-darwin"


def write_package(workspace: Path, name: str, version: str, rest: str = "") -> None:
    """Write a package without code."""
    source = workspace / name / "src"
    source.mkdir(parents=True)
    (source / "lib.rs").touch()
    (source / "build.rs").touch()
    manifest = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{rest}'
    (workspace / name / "Cargo.toml").write_text(manifest)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace whose archive package has every kind of dependency."""
    packages = {
        PACKAGE: (
            'build = "src/build.rs"\n'
            '[dependencies]\nlinked = { path = "../linked" }\nmacro = { path = "../macro" }\n'
            'optional = { path = "../optional", optional = true }\n'
            '[build-dependencies]\nbuilder = { path = "../builder" }\n'
            '[dev-dependencies]\ntester = { path = "../tester" }\n'
            '[target.\'cfg(target_os = "macos")\'.dependencies]\nmac = { path = "../mac" }\n'
        ),
        "linked": '[dependencies]\ndeeper = { path = "../deeper" }\n',
        "deeper": "",
        "macro": '[lib]\nproc-macro = true\n[dependencies]\nparser = { path = "../parser" }\n',
        **dict.fromkeys(("parser", "optional", "builder", "tester", "mac"), ""),
    }
    for name, rest in packages.items():
        write_package(tmp_path, name, "1.2.3", rest)
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "2"\nmembers = ["*"]\n')
    subprocess.run(
        ["cargo", "generate-lockfile", "--offline"], cwd=tmp_path, capture_output=True, check=True
    )
    return tmp_path


def crates(*names: str) -> set[Crate]:
    """Some of the workspace's crates."""
    return {Crate(name, "1.2.3") for name in names}


def listed(workspace: Path, linked: set[str], build: set[str]) -> dict[str, dict[str, Any]]:
    """Read the list for programs, by name, if cargo compiled these for target and host."""
    command = ["cargo", "metadata", "--offline", "--format-version", "1"]
    metadata = json.loads(subprocess.check_output(command, cwd=workspace))
    ids = {one["name"]: one["id"] for one in metadata["packages"]}
    compiled = [ids[name] for name in linked | build]
    content = crate_list(metadata, ids[PACKAGE], compiled, [ids[name] for name in linked])
    packages = json.loads(zlib.decompress(content))["packages"]
    names = [one["name"] for one in packages]
    for one in packages:
        one["dependencies"] = {names[index] for index in one.get("dependencies", [])}
    return dict(zip(names, packages, strict=True))


def test_list_for_programs_separates_linked_crates_from_build_time_ones(workspace: Path) -> None:
    build = {"macro", "parser", "builder"}
    found = listed(workspace, {PACKAGE, "linked", "deeper"}, build)
    linked = {Crate.of(one) for one in found.values() if one.get("kind") != "build"}
    assert linked == linked_crates(workspace, LINUX)
    assert found.keys() - {crate.name for crate in linked} == build
    assert [name for name, one in found.items() if one.get("root")] == [PACKAGE]
    assert {one["source"] for one in found.values()} == {"local"}
    assert found[PACKAGE]["dependencies"] == {"linked", "macro", "builder"}
    assert found["macro"]["dependencies"] == {"parser"}


def test_only_crates_in_the_archive_count_as_linked(workspace: Path) -> None:
    assert linked_crates(workspace, LINUX) == crates(PACKAGE, "linked", "deeper")


def test_target_can_have_additional_crates(workspace: Path) -> None:
    assert linked_crates(workspace, MACOS) == crates(PACKAGE, "linked", "deeper", "mac")


def test_platforms_of_each_crate_are_in_order(workspace: Path) -> None:
    platforms = platforms_of_crates(workspace, [("linux-x64", LINUX), ("macos-arm64", MACOS)])
    assert platforms == {
        Crate("deeper", "1.2.3"): ("linux-x64", "macos-arm64"),
        Crate("linked", "1.2.3"): ("linux-x64", "macos-arm64"),
        Crate("mac", "1.2.3"): ("macos-arm64",),
        Crate(PACKAGE, "1.2.3"): ("linux-x64", "macos-arm64"),
    }
    assert list(platforms) == sorted(platforms)


def test_outdated_lock_file_is_an_error(workspace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lock = workspace / "Cargo.lock"
    lock.write_text(lock.read_text().replace("1.2.3", "1.2.2"))
    with pytest.raises(subprocess.CalledProcessError):
        linked_crates(workspace, LINUX)
    assert "--locked" in capfd.readouterr().err
