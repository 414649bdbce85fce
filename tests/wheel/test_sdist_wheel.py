"""Compiling a source distribution, with a tree whose Rust compiles in a second."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli

from benchmarks.harness.sdist_build import build_sdist
from temporal_static_libs import __version__
from tests.support.ci.git_tree import commit_all
from tests.support.docs.commands import commands, run
from tests.support.pip.tiny_tree import HEADER, declare

if TYPE_CHECKING:
    from tests.wheel.conftest import TinyTree

LIB = "temporal_static_libs/lib"


def files(wheel: Path) -> dict[str, str]:
    """SHA-256 of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def hashes(site: Path, package: str) -> dict[str, str]:
    """SHA-256 of each file of an installed package, by its name in a wheel."""
    return {
        file.relative_to(site).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (site / package).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


def in_place(tree: TinyTree) -> TinyTree:
    """The tree with cargo's default target directory, below the unpacked sources."""
    environ = {name: value for name, value in tree.environ.items() if name != "CARGO_TARGET_DIR"}
    return replace(tree, environ=environ)


def test_wheel_from_the_source_distribution_equals_the_trees_wheel(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    commit = commit_all(tiny_tree.root)
    from_tree = tiny_tree.wheel(tmp_path / "from-tree")
    sdist = build_sdist(tiny_tree.root, tmp_path / "sdist")
    done = in_place(tiny_tree).pip("wheel", "--wheel-dir", str(tmp_path / "out"), str(sdist))
    assert done.returncode == 0, done.stdout
    (from_sdist,) = (tmp_path / "out").iterdir()
    assert files(from_sdist) == files(from_tree)
    assert f"{LIB}/libtemporal_sdk_core.a" in files(from_sdist)
    protos = {it.partition("/share/proto/")[2] for it in files(from_sdist) if "/share/" in it}
    assert {"LICENSES.txt", "temporal/sdk/core/tiny.proto"} <= protos
    with zipfile.ZipFile(from_sdist) as archive:
        assert f'"source_commit": "{commit}"' in archive.read(f"{LIB}/manifest.json").decode()
    assert from_sdist.name == from_tree.name
    assert from_sdist.read_bytes() == from_tree.read_bytes()
    assert not (tiny_tree.root / "SOURCE_COMMIT").exists()


def test_pip_install_of_the_source_distribution_results_in_valid_archives(
    tiny_tree: TinyTree, tmp_path: Path
) -> None:
    sdist = build_sdist(tiny_tree.root, tmp_path / "sdist")
    site = tmp_path / "site"
    done = in_place(tiny_tree).pip("install", "--target", str(site), str(sdist))
    assert done.returncode == 0, done.stdout
    answer = subprocess.run(
        [sys.executable, "-m", "temporal_static_libs", "--libdir", "--verify"],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == [
        str(site / LIB),
        "ok: libtemporal_sdk_core.a libtemporal_client.a",
    ]


# The archive contains the name of this crate's source file, in a panic message.
USING_SLAB = """
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_random_slab(key: usize) -> usize {
    let mut slab = slab::Slab::with_capacity(key);
    let mut last = 0;
    for number in 0..key {
        last = slab.insert(number);
    }
    slab.shrink_to_fit();
    slab.compact(|_, _, _| true);
    last
}
"""


@pytest.fixture
def slab(repo_root: Path) -> dict[str, Any]:
    """A registry crate of the real workspace, so that this machine has it already."""
    lock = tomli.loads((repo_root / "rust" / "Cargo.lock").read_text(encoding="utf-8"))
    (package,) = (package for package in lock["package"] if package["name"] == "slab")
    assert isinstance(package, dict)
    return package


@pytest.fixture
def tree_with_a_crate(tiny_tree: TinyTree, repo_root: Path, slab: dict[str, Any]) -> TinyTree:
    """The tree with a dependency from the registry and this project's cargo configuration."""
    rust = tiny_tree.root / "rust"
    shutil.copytree(repo_root / "rust" / ".cargo", rust / ".cargo")
    append(rust / "c-api/Cargo.toml", f'\n[dependencies]\nslab = "={slab["version"]}"\n')
    append(rust / "c-api/src/lib.rs", USING_SLAB)
    lock = rust / "Cargo.lock"
    own = 'name = "temporal-static-libs-c-api"\nversion = "0.10.1"\n'
    lock.write_text(lock.read_text().replace(own, f'{own}dependencies = [\n "slab",\n]\n'))
    entry = "".join(f'{name} = "{value}"\n' for name, value in slab.items())
    append(lock, f"\n[[package]]\n{entry}")
    header = (tiny_tree.root / HEADER).read_text()
    declare(tiny_tree.root, f"{header}\nuintptr_t temporal_core_random_slab(uintptr_t key);\n")
    return tiny_tree


def append(file: Path, text: str) -> None:
    """Append text to a file."""
    with open(file, "a", encoding="utf-8") as stream:
        stream.write(text)


def without_network() -> list[str]:
    """A command prefix that disables the network; empty if that is not allowed."""
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None:
        return []
    allowed = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if allowed else []


def test_vendored_source_distribution_builds_offline_to_the_same_bytes(
    tree_with_a_crate: TinyTree, slab: dict[str, Any], repo_root: Path, tmp_path: Path
) -> None:
    page = repo_root / "docs" / "source-distribution.md"
    vendoring, building = commands(page, "Without a network")
    wheel = tree_with_a_crate.wheel(tmp_path / "out")
    sdist = build_sdist(tree_with_a_crate.root, tmp_path / "sdist")

    environ = dict(in_place(tree_with_a_crate).environ)
    connected = tmp_path / "connected"
    run(f"cp '{sdist}' .\n{vendoring}", connected, environ)
    vendored = connected / sdist.name.replace(".tar.gz", "-vendored.tar.gz")

    site = tmp_path / "site"
    offline = {**environ, "CARGO_HOME": str(tmp_path / "empty"), "PIP_TARGET": str(site)}
    run(f"cp '{vendored}' .\n{building}", tmp_path / "away", offline, *without_network())
    core = (site / LIB / "libtemporal_sdk_core.a").read_bytes()
    assert f"/cargo/src/slab-{slab['version']}/src/lib.rs".encode() in core
    package = {name: digest for name, digest in files(wheel).items() if "dist-info" not in name}
    assert hashes(site, "temporal_static_libs") == package


def test_unvendored_source_distribution_does_not_build_offline(
    tree_with_a_crate: TinyTree, tmp_path: Path
) -> None:
    sdist = build_sdist(tree_with_a_crate.root, tmp_path / "sdist")
    done = in_place(tree_with_a_crate).pip(
        *("wheel", "--wheel-dir", str(tmp_path / "out"), str(sdist)),
        environ={"CARGO_HOME": str(tmp_path / "empty"), "CARGO_NET_OFFLINE": "true"},
    )
    assert done.returncode != 0
    assert "cargo could not read the workspace or download its dependencies" in done.stdout


def test_archive_made_with_cargo_alone_can_replace_the_wheels(
    tiny_tree: TinyTree, repo_root: Path, tmp_path: Path
) -> None:
    """The steps of docs/manual-setup.md, for platforms without a wheel."""
    building, using = commands(repo_root / "docs" / "manual-setup.md", "Archives of your own")
    sdist = build_sdist(tiny_tree.root, tmp_path / "sdist")
    place = tmp_path / "place"
    said = run(f"cp '{sdist}' .\n{building}{using}", place, in_place(tiny_tree).environ)
    archives = place / f"temporal_static_libs-{__version__}" / "archives"
    assert said.splitlines()[-3:] == [
        "ok: libtemporal_sdk_core.a",
        str(archives),
        str(archives / "libtemporal_sdk_core.a"),
    ]
