"""Linting the workflows."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
# For readers to copy, so held to the same standard.
MIGRATION = sorted((ROOT / "examples" / "migration").glob("*/*.yml"))


def command_of(program: str) -> str:
    """The path of a linter in this environment; it needs Python 3.11, the project 3.10."""
    try:
        importlib.metadata.distribution(program)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{program} is not installed")
    return str(Path(sysconfig.get_path("scripts"), program))


def lint(*command: str | Path) -> None:
    """Run a linter and check that it reports nothing."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_there_are_workflows() -> None:
    assert {file.stem for file in WORKFLOWS} >= {"ci", "temporal-static-libraries"}
    assert {file.parent.name for file in ACTIONS} == {"cargo-cache", "set-up"}
    assert {file.parent.name for file in MIGRATION} == {"after", "before", "downloads"}


@pytest.mark.parametrize(
    "workflow", [*WORKFLOWS, *MIGRATION], ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_schema(workflow: Path) -> None:
    lint(command_of("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", workflow)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda file: file.parent.name)
def test_schema_of_an_action(action: Path) -> None:
    lint(command_of("check-jsonschema"), "--builtin-schema", "vendor.github-actions", action)


def test_security() -> None:
    """Check all workflows: pinned actions, permissions, expressions in scripts."""
    lint(command_of("zizmor"), "--offline", "--persona=auditor", *WORKFLOWS, *ACTIONS, *MIGRATION)


def test_cibuildwheel_accepts_the_build_configuration(repo_root: Path) -> None:
    options = ("--print-build-identifiers", "--platform", "linux")
    lint(command_of("cibuildwheel"), *options, repo_root)
