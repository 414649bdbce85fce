"""Fixtures for tests of the workflows: a tree to release, and the results of its builds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import ziglang

from benchmarks.harness.package_index import user_of
from temporal_static_libs._targets import TARGETS
from tests.support.ci.artifacts import ArtifactStore
from tests.support.ci.git_tree import commit_all, git
from tests.support.ci.github_stand_in import GitHub, github_stand_in
from tests.support.ci.release_run import PLATFORM, Publisher, StartRun
from tests.support.ci.skips import require_program
from tests.support.ci.workflow_run import WorkflowRun, read_workflow
from tests.support.pip.borrowed_environment import borrow_environment
from tests.support.pip.release_files import make_line_tables, make_sdist, make_wheel
from tests.support.pip.uploading_index import UploadingIndex, uploading_index
from tests.support.shared.release import make_shared_libraries
from tools.release.names import REQUIRED
from tools.release.versions import project_version

# The files that the release reads, and those that run it.
PARTS = (
    "CHANGELOG.md",
    "Makefile",
    "pyproject.toml",
    "requirements",
    "rust/Cargo.lock",
    "rust/Cargo.toml",
    "temporal_static_libs",
    "tests/smoke",
    "tools",
)


@dataclass(frozen=True)
class ReleaseTree:
    """A checkout of the commit to release.

    Attributes:
        root: of the checkout.
        version: in its pyproject.toml.
        commit: its hash.
    """

    root: Path
    version: str
    commit: str


def plant(root: Path, repo_root: Path) -> None:
    """Make a source tree whose changelog has an entry for its version."""
    for part in PARTS:
        source, place = repo_root / part, root / part
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "lib"))
        else:
            shutil.copyfile(source, place)
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    heading = f"## [{project_version(root)}] - 2026-11-30"
    if heading.partition(" - ")[0] not in text:
        text = text.replace("## [Unreleased]", heading, 1)
    changelog.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def pristine_tree(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> ReleaseTree:
    """A tree to release, which tests must not change."""
    root = tmp_path_factory.mktemp("release") / "tree"
    plant(root, repo_root)
    commit = commit_all(root)
    git(root, "update-ref", "refs/remotes/origin/main", commit)
    return ReleaseTree(root, project_version(root), commit)


@pytest.fixture
def tree(pristine_tree: ReleaseTree, tmp_path: Path) -> ReleaseTree:
    """A copy of the tree that uses the tests' environment for records and release."""
    root = tmp_path / "tree"
    shutil.copytree(pristine_tree.root, root)
    for name in ("records", "release"):
        borrow_environment(root, name)
    return ReleaseTree(root, pristine_tree.version, pristine_tree.commit)


@pytest.fixture(scope="session")
def built(
    pristine_tree: ReleaseTree, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The results of the builds: every wheel, one of them with real archives, and the sdist."""
    directory = tmp_path_factory.mktemp("built")
    for target in TARGETS:
        real = target.platform == "linux-x64"
        make_wheel(wheel, target, pristine_tree.commit, directory, real=real)
    make_sdist(pristine_tree.root, pristine_tree.version, pristine_tree.commit, directory)
    return directory


@pytest.fixture(scope="session")
def small(
    pristine_tree: ReleaseTree, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The smallest release: wheels of the required platforms, without real archives."""
    directory = tmp_path_factory.mktemp("small")
    for target in TARGETS:
        if target.platform in REQUIRED:
            make_wheel(wheel, target, pristine_tree.commit, directory)
    make_sdist(pristine_tree.root, pristine_tree.version, pristine_tree.commit, directory)
    return directory


@pytest.fixture
def dist(small: Path, tmp_path: Path) -> Path:
    """A copy of the smallest release, for a test to change."""
    return Path(shutil.copytree(small, tmp_path / "dist"))


@pytest.fixture
def loopback_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadingIndex]:
    """An empty index."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    directory = tmp_path / "index"
    directory.mkdir()
    with uploading_index(directory) as index:
        yield index


@pytest.fixture
def github(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHub]:
    """A fake GitHub without releases, which ``gh`` connects to."""
    require_program("gh")
    # A socket's path has 107 characters at most.
    with github_stand_in(tmp_path_factory.mktemp("gh")) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def zig(tmp_path: Path) -> Path:
    """A directory in which Python finds only this environment's Zig."""
    package = Path(ziglang.__file__).parent
    directory = tmp_path / "zig"
    directory.mkdir()
    for entry in (package, *package.parent.glob("ziglang-*.dist-info")):
        (directory / entry.name).symlink_to(entry)
    return directory


@pytest.fixture
def start(
    repo_root: Path,
    tree: ReleaseTree,
    loopback_index: UploadingIndex,
    github: GitHub,
    zig: Path,
    tmp_path: Path,
) -> StartRun:
    """A function that starts a run for the tree's tag, with build results from a directory."""
    numbers = iter(range(10))

    def start(built: Path) -> tuple[WorkflowRun, Publisher]:
        place = tmp_path / f"run-{next(numbers)}"
        shutil.copytree(tree.root, place / "tree", symlinks=True)
        artifacts, outputs = ArtifactStore(place / "artifacts"), {}
        for file in built.iterdir():
            if file.suffix == ".gz":
                outputs["needs.sdist.outputs.artifact"] = artifacts.upload("sdist", file).number
            else:
                artifacts.upload(f"wheel-{file.stem}", file)
        for directory in make_line_tables(built, place / "line-tables").iterdir():
            artifacts.upload(directory.name, directory)
        for directory in make_shared_libraries(built, place / "shared").iterdir():
            artifacts.upload(directory.name, directory)
        history = place / "build-history.json"
        history.write_text("[]\n")
        outputs["needs.records.outputs.artifact"] = artifacts.upload("history", history).number
        publisher = Publisher(loopback_index)
        run = WorkflowRun(
            workflow=read_workflow(
                repo_root / ".github" / "workflows" / "temporal-static-libraries.yml"
            ),
            tree=place / "tree",
            artifacts=artifacts,
            context={
                "github.event_name": "push",
                "github.ref": f"refs/tags/temporal-libs-v{tree.version}",
                "github.repository": github.environ["GH_REPO"],
                "github.token": github.environ["GH_TOKEN"],
                **outputs,
            },
            environ={
                **user_of(loopback_index.index_url),
                "PYTHONPATH": str(zig),
                "RELEASE_INDEX_URL": loopback_index.index_url,
            },
            platform=PLATFORM,
            actions={
                "actions/attest": publisher.attest,
                "actions/attest-build-provenance": publisher.attest,
                "pypa/gh-action-pypi-publish": publisher.upload,
            },
        )
        return run, publisher

    return start
