"""The plan that a run of the release workflow makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.ci.git_tree import git
from tests.support.ci.workflow_run import read_workflow, steps_using
from tools import ToolError
from tools.release.plan import Event, Plan, make_plan
from tools.release.texts import changelog_entry

if TYPE_CHECKING:
    from tests.workflows.conftest import ReleaseTree

WORKFLOW = Path(__file__).parents[2] / ".github/workflows/temporal-static-libraries.yml"
# Like in a checkout with the whole history.
MAIN = "refs/remotes/origin/main"


def plan(tree: ReleaseTree, event: Event) -> tuple[bool, bool]:
    """Return whether the run builds a release, and whether it publishes it."""
    made: Plan = make_plan(tree.root, event)
    assert made.version == tree.version
    return made.release, made.publish


@pytest.mark.parametrize("name", ["push", "pull_request"])
def test_branch_is_not_released(pristine_tree: ReleaseTree, name: str) -> None:
    assert plan(pristine_tree, Event(name, "refs/heads/main")) == (False, False)


def test_tag_is_published(pristine_tree: ReleaseTree) -> None:
    tag = f"refs/tags/temporal-libs-v{pristine_tree.version}"
    assert plan(pristine_tree, Event("push", tag)) == (True, True)


@pytest.mark.parametrize("tag", ["temporal-libs-v0.0.9", "temporal-libs-v{}.post1", "v{}"])
def test_tag_of_another_version_is_refused(pristine_tree: ReleaseTree, tag: str) -> None:
    tag = tag.format(pristine_tree.version)
    with pytest.raises(ToolError, match=f"the tag is {tag}, but pyproject.toml has version"):
        plan(pristine_tree, Event("push", f"refs/tags/{tag}"))


def test_manual_run_is_dry_on_any_branch(pristine_tree: ReleaseTree) -> None:
    event = Event("workflow_dispatch", "refs/heads/x", pristine_tree.version, dry_run=True)
    assert plan(pristine_tree, event) == (True, False)


def test_manual_run_publishes_main(pristine_tree: ReleaseTree) -> None:
    event = Event("workflow_dispatch", "refs/heads/main", pristine_tree.version, dry_run=False)
    assert plan(pristine_tree, event) == (True, True)


def test_manual_run_does_not_publish_a_branch(pristine_tree: ReleaseTree) -> None:
    event = Event("workflow_dispatch", "refs/heads/x", pristine_tree.version, dry_run=False)
    with pytest.raises(ToolError, match="refs/heads/x is neither main nor a tag"):
        plan(pristine_tree, event)


def tag_push(tree: ReleaseTree) -> Event:
    """The push of the tag of a tree's version."""
    return Event("push", f"refs/tags/temporal-libs-v{tree.version}")


def test_tag_of_an_older_commit_of_main_is_published(tree: ReleaseTree) -> None:
    git(tree.root, "commit", "--quiet", "--allow-empty", "--message", "two")
    git(tree.root, "update-ref", MAIN, "HEAD")
    git(tree.root, "checkout", "--quiet", "HEAD~1")
    assert plan(tree, tag_push(tree)) == (True, True)


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_tag_that_is_not_on_main_is_refused(tree: ReleaseTree, event: str) -> None:
    git(tree.root, "commit", "--quiet", "--allow-empty", "--message", "not merged")
    tag = tag_push(tree)._replace(name=event, version=tree.version, dry_run=False)
    with pytest.raises(ToolError, match="the commit is not on main: only reviewed and merged"):
        plan(tree, tag)
    # A dry run is allowed.
    if event == "workflow_dispatch":
        assert plan(tree, tag._replace(dry_run=True)) == (True, False)


def test_tag_in_a_checkout_without_main_is_refused(tree: ReleaseTree) -> None:
    git(tree.root, "update-ref", "-d", MAIN)
    with pytest.raises(
        ToolError, match=r"git cannot determine .*origin/main.* with the whole history"
    ):
        plan(tree, tag_push(tree))


def test_plan_job_checks_out_the_whole_history() -> None:
    jobs = read_workflow(WORKFLOW)["jobs"]
    depths = {
        name: steps_using(job, "actions/checkout")[0]["with"]["fetch-depth"]
        for name, job in jobs.items()
        if steps_using(job, "actions/checkout")
    }
    assert depths.pop("plan") == "0"
    assert set(depths.values()) == {"1"}


@pytest.mark.parametrize("version", ["0.0.9", ""])
def test_manual_run_for_another_version_is_refused(
    pristine_tree: ReleaseTree, version: str
) -> None:
    event = Event("workflow_dispatch", "refs/heads/main", version, dry_run=False)
    with pytest.raises(ToolError, match=f"the requested version is '{version}', but"):
        plan(pristine_tree, event)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("pyproject.toml", 'version = "{}"', 'version = "{}.1"', "in rust/Cargo.lock has"),
        (
            "rust/Cargo.toml",
            'temporalio-sdk-core = {{ version = "={}"',
            'temporalio-sdk-core = {{ version = "=0.0.9"',
            "temporalio-sdk-core in rust/Cargo.toml has 0.0.9",
        ),
        (
            "rust/Cargo.toml",
            '[workspace.package]\nversion = "{}"',
            '[workspace.package]\nversion = "0.0.9"',
            "the workspace in rust/Cargo.toml has 0.0.9",
        ),
        (
            "temporal_static_libs/include/temporal-sdk-core-c-bridge.h",
            '#define TEMPORAL_STATIC_LIBS_VERSION "{}"',
            '#define TEMPORAL_STATIC_LIBS_VERSION "0.0.9"',
            r"in temporal-sdk-core-c-bridge\.h has 0\.0\.9",
        ),
    ],
    ids=["pyproject.toml", "crate", "workspace", "header"],
)
def test_different_versions_are_refused(
    tree: ReleaseTree, file: str, old: str, new: str, message: str
) -> None:
    path = tree.root / file
    text = path.read_text(encoding="utf-8")
    assert old.format(tree.version) in text
    changed = text.replace(old.format(tree.version), new.format(tree.version), 1)
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(ToolError, match=message):
        plan(tree, Event("push", "refs/heads/main"))


def test_repackaging_adds_a_number_to_the_cores_version(tree: ReleaseTree) -> None:
    version = f"{tree.version}.post1"
    for file in ("pyproject.toml", "CHANGELOG.md"):
        path: Path = tree.root / file
        text = path.read_text(encoding="utf-8")
        for form in ('version = "{}"', "## [{}]"):
            text = text.replace(form.format(tree.version), form.format(version), 1)
        path.write_text(text, encoding="utf-8")
    event = Event("push", f"refs/tags/temporal-libs-v{version}")
    assert make_plan(tree.root, event) == Plan(version, release=True, publish=True)


CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.1.0] - 2026-02-01

### Added

- A thing.

## [1.0.0]

- The first.

## [0.9.0] - 2025-01-01
"""


def test_changelog_entry_ends_where_the_next_begins() -> None:
    assert changelog_entry(CHANGELOG, "1.1.0") == "### Added\n\n- A thing."


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "1.2.0",
            r"has no entry for 1\.2\.0: move the entries under \[Unreleased\] below the heading",
        ),
        ("1.0.0", r"the heading for 1\.0\.0 has no date"),
        ("0.9.0", r"the entry for 0\.9\.0 is empty"),
    ],
)
def test_changelog_without_an_entry(version: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        changelog_entry(CHANGELOG, version)
