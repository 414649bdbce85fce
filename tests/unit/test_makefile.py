"""The Makefile: its default target, and `make help`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def make(root: Path, *arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def helped(root: Path) -> set[str]:
    """Names that `make help` lists with a description."""
    return set(re.findall(r"^  ([\w-]+) +\S", make(root, "help"), re.MULTILINE))


def test_help_lists_each_target_and_variable(repo_root: Path) -> None:
    database = make(repo_root, "--print-data-base", "--dry-run", "help")
    (targets,) = re.findall(r"^\.PHONY: (.+)$", database, re.MULTILINE)
    assert helped(repo_root) == {*targets.split(), "PYTHON", "PROFILE"}


def test_help_names_the_groups_that_have_targets(repo_root: Path) -> None:
    groups = re.findall(r"^\n(\w.*)\n  ", make(repo_root, "help"), re.MULTILINE)
    assert "lint" in groups
    assert "wheel and venvs" not in groups


def test_default_target_is_the_demo(repo_root: Path) -> None:
    database = make(repo_root, "--print-data-base", "--dry-run", "help")
    assert ".DEFAULT_GOAL := demo\n" in database


def test_commands_of_the_contributors_guide_are_targets(repo_root: Path) -> None:
    guide = (repo_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^\| `make ([\w-]+)` \|", guide, re.MULTILINE))
    assert "demo" in commands
    assert commands <= helped(repo_root)
