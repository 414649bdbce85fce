"""The commit that the sources come from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from temporal_static_libs._build.source_tree import source_commit, sources_of_tree

COMMIT = "1" * 40


def git(directory: Path, *arguments: str) -> str:
    """Run git with a fixed author, independent of the machine's configuration."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit."""
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "tracked").write_text("1\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "one")
    return root


def test_checkout_knows_its_commit(checkout: Path) -> None:
    assert source_commit(sources_of_tree(checkout)) == git(checkout, "rev-parse", "HEAD")


def test_untracked_file_does_not_count(checkout: Path) -> None:
    (checkout / "untracked").touch()
    assert source_commit(sources_of_tree(checkout)) == git(checkout, "rev-parse", "HEAD")


def test_changed_file_means_no_commit(checkout: Path) -> None:
    (checkout / "tracked").write_text("2\n")
    assert source_commit(sources_of_tree(checkout)) is None


def test_checkout_without_commits_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert source_commit(sources_of_tree(tmp_path)) is None


def test_git_variables_of_a_hook_are_ignored(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert source_commit(sources_of_tree(checkout)) == head


def test_source_distribution_uses_its_recorded_commit(tmp_path: Path) -> None:
    (tmp_path / "SOURCE_COMMIT").write_text(f"{COMMIT}\n")
    assert source_commit(sources_of_tree(tmp_path)) == COMMIT


def test_enclosing_repository_of_a_source_distribution_is_ignored(checkout: Path) -> None:
    unpacked = checkout / "unpacked"
    unpacked.mkdir()
    assert source_commit(sources_of_tree(unpacked)) is None
    (unpacked / "SOURCE_COMMIT").write_text(f"{COMMIT}\n")
    assert source_commit(sources_of_tree(unpacked)) == COMMIT


def test_commit_is_unknown_without_git_and_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_commit(sources_of_tree(tmp_path)) is None
