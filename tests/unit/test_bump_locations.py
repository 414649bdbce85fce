"""The places that name a version: each exists and is moved, and no other file names one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.version import Version

from tools import ToolError
from tools.bump.locations import LOCATIONS, PACKAGE, RUST, Location, current, move
from tools.bump.migrate import with_entry
from tools.bump.registry import CORE

# Files that name a version at some time, are generated from the lock file, or are sample records.
NOT_MOVED = re.compile(
    r"CHANGELOG\.md"
    r"|docs/(benchmarks\.(md|json)|releasing\.md)"
    r"|rust/(Cargo\.lock|(PROTO|THIRD-PARTY)-LICENSES\.txt|archives\.cdx\.json)"
    r"|temporal_static_libs/include/.*\.h"  # `make header` writes it
    r"|temporal_static_libs/share/zig/bindings-.*"  # `make bindings` writes them
    r"|tests/wheel/tiny_workspace/.*"  # has a separate version
    r"|tests/wheel/test_(cargo|compile_fallback|compiled_links|sdist_wheel)\.py"  # its version
    r"|tests/(support/ci/build_records|workflows/test_gather_records)\.py"  # of no real build
    r"|tests/unit/test_(bump.*|cmake_package|flags|header|manifest|sources|records|usage)\.py"
    r"|tools/bump/.*"
)


@pytest.fixture
def tree(repo_root: Path, tmp_path: Path) -> Path:
    """A copy of the files that name a version."""
    for file in {location.file for location in LOCATIONS}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repo_root / file, tmp_path / file)
    return tmp_path


def others(there: dict[str, str]) -> dict[str, str]:
    """Another version for each subject."""
    return {subject: f"9{version}" for subject, version in there.items()}


def test_every_location_exists_and_all_agree(repo_root: Path) -> None:
    there = current(repo_root)
    assert set(there) == {location.subject for location in LOCATIONS}
    assert set(there) >= {CORE, PACKAGE, RUST}
    assert Version(there[PACKAGE]).base_version == there[CORE]


def test_moving_every_location_and_back_restores_the_same_bytes(tree: Path) -> None:
    before = {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()}
    there = current(tree)
    move(tree, others(there))
    for location in LOCATIONS:
        assert location.read(tree) == f"9{there[location.subject]}", location
    move(tree, others(there))  # changes nothing more
    assert current(tree) == others(there)
    move(tree, there)
    assert {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()} == before


def test_no_other_file_names_the_version(repo_root: Path, tree: Path) -> None:
    if not (repo_root / ".git").exists():
        files = [str(file.relative_to(repo_root)) for file in repo_root.rglob("*")]
    else:
        listed = ["git", "ls-files"]
        done = subprocess.run(listed, cwd=repo_root, capture_output=True, text=True, check=True)
        files = done.stdout.splitlines()
    there = current(tree)
    move(tree, others(there))
    either = "|".join(re.escape(there[subject]) for subject in (PACKAGE, CORE))
    version = re.compile(rf"(?<![\d.])({either})(?!\d)")
    named = []
    for name in files:
        if NOT_MOVED.fullmatch(name):
            continue
        file = tree / name if (tree / name).exists() else repo_root / name
        if file.suffix in {".md", ".py", ".toml", ".yml", ".zig", ".zon", ".sh"} and file.is_file():
            lines = file.read_text(encoding="utf-8").splitlines()
            named += [f"{name}: {line}" for line in lines if version.search(line)]
    assert not named, "\n".join(named)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        pytest.param(
            *(
                "docs/compiling.md",
                "v0.10.1/",
                "v0.9.0/",
                f"has {PACKAGE} 0.9.0, and ",
            ),
            id="disagrees",
        ),
        pytest.param(
            *("docs/compiling.md", "v0.10.1/linux-x64/", "", "has no version in the words"),
            id="gone",
        ),
        pytest.param(
            *("rust/Cargo.toml", '"=0.10.1"', '"0.10.1"', "has no version in the words"),
            id="not-pinned",
        ),
        pytest.param(
            *("rust/Cargo.toml", "temporalio-common =", "other =", "has no version in the words"),
            id="no-key",
        ),
    ],
)
def test_location_that_differs_from_the_table_is_reported(
    tree: Path, file: str, old: str, new: str, problem: str
) -> None:
    text = (tree / file).read_text(encoding="utf-8")
    subject = CORE if file.startswith("rust/") else PACKAGE
    old = old.replace("0.10.1", current(tree)[subject])
    assert old in text
    (tree / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ToolError, match=re.escape(problem)) as caught:
        current(tree)
    assert str(tree / file) in str(caught.value)


def test_crate_that_the_new_core_lacks_is_an_error(tree: Path) -> None:
    there = current(tree)
    del there["temporalio-common"]
    with pytest.raises(ToolError, match="built without temporalio-common"):
        move(tree, there)


def test_repackaging_is_accepted_as_a_version(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("temporal_static_libs-0.10.1.post2.tar.gz\n")
    location = Location("file", "temporal_static_libs-{}", CORE)
    assert location.read(tmp_path) == "0.10.1.post2"


@pytest.mark.parametrize(
    ("unreleased", "expected"),
    [
        ("\n", "\n### Changed\n\n- New.\n"),
        ("\n### Added\n\n- A.\n", "\n### Added\n\n- A.\n\n### Changed\n\n- New.\n"),
        ("\n### Changed\n\n- B.\n", "\n### Changed\n\n- New.\n- B.\n"),
    ],
    ids=["empty", "added", "changed"],
)
def test_changelog_gets_an_entry(unreleased: str, expected: str) -> None:
    older = "\n## [0.9.0] - 2026-10-01\n\n### Changed\n\n- Old.\n"
    assert with_entry(f"# Changelog\n\n## [Unreleased]\n{unreleased}{older}", "New.") == (
        f"# Changelog\n\n## [Unreleased]\n{expected}{older}"
    )


def test_changelog_without_an_unreleased_section_is_an_error() -> None:
    with pytest.raises(ToolError, match="no line"):
        with_entry("# Changelog\n", "New.")
