"""The build hook through pip, on a tree whose Rust compiles in a second."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.harness.sdist_build import build_sdist
from temporal_static_libs import __version__
from tests.support.ci.git_tree import commit_all, git
from tests.support.pip.tiny_tree import HEADER, INTERFACE

if TYPE_CHECKING:
    from tests.wheel.conftest import TinyTree

LIB = "temporal_static_libs/lib"
PROTO = "temporal_static_libs/share/proto"


def read_manifest(wheel: Path) -> dict[str, object]:
    """The manifest inside a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        manifest: dict[str, object] = json.loads(archive.read(f"{LIB}/manifest.json"))
    return manifest


def path_without(*tools: str) -> str:
    """PATH without the directories that contain any of these tools."""
    return os.pathsep.join(
        directory
        for directory in os.environ["PATH"].split(os.pathsep)
        if not any(shutil.which(tool, path=directory) for tool in tools)
    )


def test_wheel_holds_archives_that_git_ignores(tiny_tree: TinyTree, tmp_path: Path) -> None:
    git(tiny_tree.root, "init", "--quiet")
    wheel = tiny_tree.wheel(tmp_path / "out")
    with zipfile.ZipFile(wheel) as archive:
        staged = [name for name in archive.namelist() if name.startswith(f"{LIB}/")]
    assert sorted(staged) == [
        f"{LIB}/checksums.sha256",
        f"{LIB}/cmake/TemporalStaticLibs/TemporalStaticLibsConfig.cmake",
        f"{LIB}/cmake/TemporalStaticLibs/TemporalStaticLibsConfigVersion.cmake",
        f"{LIB}/libtemporal_client.a",
        f"{LIB}/libtemporal_sdk_core.a",
        f"{LIB}/manifest.json",
        f"{LIB}/pkgconfig/temporal-client-static.pc",
        f"{LIB}/pkgconfig/temporal-client.pc",
        f"{LIB}/pkgconfig/temporal-sdk-core-static.pc",
        f"{LIB}/pkgconfig/temporal-sdk-core.pc",
    ]


def test_wheel_holds_the_protobuf_files_that_git_ignores(
    tiny_tree: TinyTree, repo_root: Path, tmp_path: Path
) -> None:
    git(tiny_tree.root, "init", "--quiet")
    wheel = tiny_tree.wheel(tmp_path / "out")
    with zipfile.ZipFile(wheel) as archive:
        staged = {
            name.removeprefix(f"{PROTO}/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith(f"{PROTO}/")
        }
    crate = tiny_tree.root / "rust" / "protos" / "protos"
    assert staged == {
        "LICENSES.txt": (repo_root / "rust" / "PROTO-LICENSES.txt").read_bytes(),
        "google/rpc/tiny.proto": (crate / "google/rpc/tiny.proto").read_bytes(),
        "temporal/api/common/v1/tiny.proto": (
            crate / "api_upstream/temporal/api/common/v1/tiny.proto"
        ).read_bytes(),
        "temporal/sdk/core/tiny.proto": (crate / "local/temporal/sdk/core/tiny.proto").read_bytes(),
    }
    assert git(tiny_tree.root, "status", "--porcelain", "--ignored", PROTO) == f"!! {PROTO}/"


def test_workspace_without_protobuf_files_is_refused_before_it_is_compiled(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    shutil.rmtree(tiny_tree.root / "rust" / "protos" / "protos")
    done = tiny_tree.pip("wheel", "--wheel-dir", str(tmp_path / "out"), ".")
    assert done.returncode != 0
    assert "temporalio-protos has no protobuf files in " in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tiny_tree.root / LIB).exists()
    assert not Path(tiny_tree.environ["CARGO_TARGET_DIR"]).exists()


def test_building_twice_results_in_the_same_wheel(tiny_tree: TinyTree, tmp_path: Path) -> None:
    digests = [
        hashlib.sha256(tiny_tree.wheel(tmp_path / name).read_bytes()).hexdigest()
        for name in ("first", "second")
    ]
    assert digests[0] == digests[1]


def test_files_staged_by_an_earlier_build_are_removed(tiny_tree: TinyTree, tmp_path: Path) -> None:
    names = [f"{LIB}/libstale.a", f"{PROTO}/stale.proto"]
    for name in names:
        stale = tiny_tree.root / name
        stale.parent.mkdir()
        stale.touch()
    wheel = tiny_tree.wheel(tmp_path / "out")
    assert not set(names) & set(zipfile.ZipFile(wheel).namelist())
    assert not list(tiny_tree.root.glob(".staging*"))


def test_manifest_has_the_profile_and_commit(tiny_tree: TinyTree, tmp_path: Path) -> None:
    commit = commit_all(tiny_tree.root)
    manifest = read_manifest(tiny_tree.wheel(tmp_path / "out"))
    assert manifest["source_commit"] == commit
    assert manifest["cargo"] == {
        "profile": "quick",
        "features": {
            "temporal-static-libs-c-api": ["worker"],
            "temporal-static-libs-sdk-core": [],
        },
    }
    assert [lib["api_functions"] for lib in manifest["libraries"]] == [3, 2]  # type: ignore[attr-defined]


def test_source_distribution_needs_no_rust_and_has_no_archives(
    tiny_tree: TinyTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_tree.wheel(tmp_path / "out")
    monkeypatch.setenv("PATH", path_without("cargo"))
    sdist = build_sdist(tiny_tree.root, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert f"temporal_static_libs-{__version__}/rust/Cargo.lock" in names
    assert not [name for name in names if name.endswith(".a") or "/lib/" in name]


def test_editable_install_uses_the_trees_archives(tiny_tree: TinyTree, tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = tiny_tree.pip("install", "--editable", ".", "--target", str(site))
    assert done.returncode == 0, done.stdout
    (pointer,) = [line for file in site.glob("*.pth") for line in file.read_text().splitlines()]
    answer = subprocess.run(
        [sys.executable, "-m", "temporal_static_libs", "--libdir", "--protodir", "--verify"],
        env={**tiny_tree.environ, "PYTHONPATH": pointer},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == [
        str(tiny_tree.root / LIB),
        str(tiny_tree.root / PROTO),
        "ok: libtemporal_sdk_core.a libtemporal_client.a",
    ]
    assert (tiny_tree.root / PROTO / "temporal" / "sdk" / "core" / "tiny.proto").is_file()


def test_editable_install_compiles_the_trees_own_sources(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    done = tiny_tree.pip("install", "--editable", ".", "--target", str(tmp_path / "site"))
    assert done.returncode == 0, done.stdout
    before = sorted(tiny_tree.root.rglob("*"))
    answer = subprocess.run(
        [sys.executable, "-m", "temporal_static_libs", "--libdir", "--verify"],
        env={
            **tiny_tree.environ,
            "PYTHONPATH": str(tiny_tree.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache"),
            "USE_PREBUILT_LIBS": "false",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"{tmp_path / 'cache'}/v{__version__}/")
    assert sorted(tiny_tree.root.rglob("*")) == before


def test_wheel_carries_its_sources_and_their_commit(tiny_tree: TinyTree, tmp_path: Path) -> None:
    commit = commit_all(tiny_tree.root)
    (tiny_tree.root / "rust" / "target").mkdir()
    (tiny_tree.root / "rust" / "target" / "left-over").touch()
    wheel = tiny_tree.wheel(tmp_path / "out")
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if "/rust/" in name}
        record = archive.read("temporal_static_libs/SOURCE_COMMIT").decode()
    assert {name for name in carried if "dist-info" not in name} == {
        f"temporal_static_libs/rust/{name}"
        for name in (
            *("Cargo.lock", "Cargo.toml", "README.md", "bridge.h", "c-api/Cargo.toml"),
            *("c-api/src/lib.rs", "sdk-core/Cargo.toml", "sdk-core/src/lib.rs"),
            *("protos/Cargo.toml", "protos/src/lib.rs", "protos/protos/google/rpc/tiny.proto"),
            "protos/protos/api_upstream/buf.yaml",
            "protos/protos/api_upstream/temporal/api/common/v1/tiny.proto",
            "protos/protos/local/temporal/sdk/core/tiny.proto",
        )
    }
    assert record == f"{commit}\n"


@pytest.mark.parametrize(
    ("tools", "problem"),
    [
        pytest.param(("cargo", "rustc"), "cargo was not found on PATH", id="no-rust"),
        pytest.param(("cargo",), "cargo was not found on PATH", id="no-cargo"),
    ],
)
def test_without_cargo_the_build_stops_before_any_work(
    tiny_tree: TinyTree, tmp_path: Path, tools: tuple[str, ...], problem: str
) -> None:
    before = sorted(tiny_tree.root.rglob("*"))
    done = tiny_tree.pip(
        *("wheel", "--wheel-dir", str(tmp_path / "out"), "."),
        environ={"PATH": path_without(*tools), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode != 0
    assert f"temporal-static-libs cannot be compiled here: {problem}" in done.stdout
    assert "TEMPORAL_LIBS_BOOTSTRAP_RUST=1" in done.stdout
    assert "linux-x64 (x86_64-unknown-linux-gnu)" in done.stdout
    assert "Traceback" not in done.stdout
    assert sorted(tiny_tree.root.rglob("*")) == before
    assert list((tmp_path / "out").glob("*")) == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TEMPORAL_LIBS_TARGET", "riscv64gc-unknown-linux-gnu", "is not supported"),
        ("TEMPORAL_LIBS_BOOTSTRAP_RUST", "maybe", "expected 1, true or yes, or 0, false or no"),
        ("TEMPORAL_LIBS_CARGO_PROFILE", "fast", "cargo could not compile"),
    ],
)
def test_invalid_setting_is_one_clear_message(
    tiny_tree: TinyTree, tmp_path: Path, name: str, value: str, problem: str
) -> None:
    done = tiny_tree.pip(
        *("wheel", "--wheel-dir", str(tmp_path / "out"), "."), environ={name: value}
    )
    assert done.returncode != 0
    assert problem in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tiny_tree.root / LIB).exists()


def test_failed_build_keeps_the_previously_staged_files(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    tiny_tree.wheel(tmp_path / "out")
    staged = tiny_tree.root / LIB / "checksums.sha256"
    before = staged.read_bytes()
    (tiny_tree.root / "rust" / "sdk-core" / "src" / "lib.rs").write_text("this is not Rust\n")
    done = tiny_tree.pip("wheel", "--wheel-dir", str(tmp_path / "again"), ".")
    assert done.returncode != 0
    assert "cargo could not compile temporal-static-libs-sdk-core" in done.stdout
    assert staged.read_bytes() == before


def test_archive_without_the_whole_api_is_refused(tiny_tree: TinyTree, tmp_path: Path) -> None:
    (tiny_tree.root / "rust" / "c-api" / "src" / "lib.rs").write_text(
        '#[unsafe(no_mangle)] pub extern "C" fn temporal_core_random_new() {}\n'
    )
    done = tiny_tree.pip("wheel", "--wheel-dir", str(tmp_path / "out"), ".")
    assert done.returncode != 0
    assert "libtemporal_sdk_core.a does not define what " in done.stdout
    assert "declares: temporal_core_random_free, temporal_core_worker_free\n" in done.stdout


def test_unfinished_archive_is_refused(tiny_tree: TinyTree, tmp_path: Path) -> None:
    pipeline = tiny_tree.root / "temporal_static_libs" / "_build" / "pipeline.py"
    text = pipeline.read_text(encoding="utf-8")
    step = "plan.finish(compiled.archive, kept, archive, compiled.crates, weak=component.is_subset)"
    assert step in text
    pipeline.write_text(text.replace(step, "archive.write_bytes(compiled.archive.read_bytes())"))
    done = tiny_tree.pip("wheel", "--wheel-dir", str(tmp_path / "wheel"), ".")
    assert done.returncode != 0
    assert "libtemporal_sdk_core.a defines " in done.stdout
    assert " global symbols outside its interface: " in done.stdout
    assert not list((tmp_path / "wheel").iterdir())


def test_description_of_another_interface_is_refused_before_any_work(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    header = tiny_tree.root / HEADER
    header.write_text(header.read_text().replace("worker_free(", "worker_release("))
    done = tiny_tree.pip("wheel", "--wheel-dir", str(tmp_path / "out"), ".")
    assert done.returncode != 0
    assert (
        f"{tiny_tree.root / INTERFACE} does not match temporal-sdk-core-c-bridge.h: only one of "
        "them has temporal_core_worker_free, temporal_core_worker_release\n"
    ) in done.stdout
    assert "run `make header`" in done.stdout
    assert "Traceback" not in done.stdout
    assert not Path(tiny_tree.environ["CARGO_TARGET_DIR"]).exists()


def test_bootstrap_is_a_build_requirement_only_if_enabled(tiny_tree: TinyTree) -> None:
    program = (
        "from hatchling.build import *; "
        "print(get_requires_for_build_wheel(), get_requires_for_build_sdist())"
    )

    def requirements(value: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tiny_tree.root,
            env={**tiny_tree.environ, "TEMPORAL_LIBS_BOOTSTRAP_RUST": value},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert requirements("0") == "[] []"
    assert requirements("1") == "['puccinialin>=0.1.14'] []"


def test_set_with_line_tables_comes_from_the_same_build(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    place = tmp_path / "made" / "line-tables"
    for name in ("first", "again"):  # results of an earlier build are replaced
        wheel = tiny_tree.wheel(tmp_path / name, {"TEMPORAL_LIBS_LINE_TABLES": str(place)})
        found = {file.name: file.read_bytes() for file in place.iterdir()}
        libraries = {"libtemporal_client.a", "libtemporal_sdk_core.a"}
        assert found.keys() == {*libraries, "manifest.json", "checksums.sha256"}
        usual, second = read_manifest(wheel), json.loads(found["manifest.json"])
        assert {**second, "libraries": []} == {**usual, "libraries": []}
        for library in second["libraries"]:
            content = found[library["file"]]
            assert hashlib.sha256(content).hexdigest() == library["sha256"]
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_directory_with_other_files_is_not_replaced(
    tiny_tree: TinyTree, tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "mine"
    if kind == "directory":
        place.mkdir()
        (place / "letter.txt").write_text("mine")
        problem = f"{place} also contains letter.txt. A build replaces the whole directory: use a"
    else:
        place.write_text("mine")
        problem = f"{place} cannot be used: Not a directory"
    environ = {"TEMPORAL_LIBS_LINE_TABLES": str(place)}
    done = tiny_tree.pip("wheel", "-w", str(tmp_path / "out"), ".", environ=environ)
    assert done.returncode != 0
    assert f"TEMPORAL_LIBS_LINE_TABLES: {problem}" in done.stdout
    assert "Compiling" not in done.stdout
    left = place if kind == "file" else place / "letter.txt"
    assert left.read_text() == "mine"
