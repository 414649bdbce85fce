"""The source distribution, compared with MANIFEST.in."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from setuptools.command.egg_info import FileList

from benchmarks.harness.sdist_build import build_sdist

# Files that Hatchling and the hook add.
ADDED = {".gitignore", "PKG-INFO", "SOURCE_COMMIT"}


@pytest.fixture(scope="module")
def sdist_files(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a source distribution made from the tree."""
    with tarfile.open(build_sdist(repo_root, tmp_path_factory.mktemp("sdist"))) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


@pytest.fixture
def listed_files(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The files that MANIFEST.in lists, read by setuptools."""
    monkeypatch.chdir(repo_root)
    files = FileList()
    for line in Path("MANIFEST.in").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            files.process_template_line(line)
    return {Path(file).as_posix() for file in files.files}


def tracked_files(repo_root: Path) -> set[str] | None:
    """The existing files that git tracks; None if the tree is not a checkout."""
    if not (repo_root / ".git").exists():
        return None
    done = subprocess.run(
        ["git", "-c", f"safe.directory={repo_root}", "ls-files", "-z"],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in done.stdout.split("\0") if (repo_root / name).is_file()}


def test_every_listed_file_is_included(
    repo_root: Path, sdist_files: set[str], listed_files: set[str]
) -> None:
    tracked = tracked_files(repo_root)
    required = listed_files if tracked is None else listed_files & tracked
    assert required - sdist_files == set()


def test_no_other_file_is_included(sdist_files: set[str], listed_files: set[str]) -> None:
    assert sdist_files - listed_files - ADDED == set()


def test_every_tracked_file_is_listed(repo_root: Path, listed_files: set[str]) -> None:
    tracked = tracked_files(repo_root)
    if tracked is None:
        pytest.skip("the tree is not a git checkout")
    assert tracked - listed_files - ADDED == set()


@pytest.mark.parametrize(
    "file",
    [
        "LICENSE",
        "hatch_build.py",
        "pyproject.toml",
        "rust/Cargo.lock",
        "rust/Cargo.toml",
        "rust/THIRD-PARTY-LICENSES.txt",
        "rust/archives.cdx.json",
        "rust/c-api/src/lib.rs",
        "temporal_static_libs/_build/pipeline.py",
        "temporal_static_libs/include/temporal-sdk-core-c-bridge.h",
        "temporal_static_libs/py.typed",
    ],
)
def test_files_for_a_build_are_included(sdist_files: set[str], file: str) -> None:
    assert file in sdist_files


def test_old_pip_versions_can_read_its_pyproject(repo_root: Path) -> None:
    """They use an older TOML version, in which the values of an array have one type."""
    pyproject = tomli.loads((repo_root / "pyproject.toml").read_text(encoding="utf-8"))
    assert [array for array in arrays(pyproject) if len({type(value) for value in array}) > 1] == []


def arrays(value: object) -> Iterator[list[object]]:
    """Every array of a TOML document."""
    if isinstance(value, dict):
        for below in value.values():
            yield from arrays(below)
    elif isinstance(value, list):
        yield value
        for below in value:
            yield from arrays(below)
