"""Deciding what a run of the workflow does: build only, rehearse a release, or publish one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from tools import ToolError
from tools.release.names import tag_of
from tools.release.texts import changelog_entry
from tools.release.versions import check_versions

_TAGS: Final = "refs/tags/"
# The reference that actions/checkout fetches with `fetch-depth: 0`.
_MAIN: Final = "refs/remotes/origin/main"


class Event(NamedTuple):
    """The event that started the workflow.

    Attributes:
        name: GitHub's name: ``push``, ``pull_request``, ``workflow_dispatch``.
        ref: the git reference, such as ``refs/tags/temporal-libs-v1.2.3``.
        version: the input of a ``workflow_dispatch``.
        dry_run: the checkbox of a ``workflow_dispatch``.
    """

    name: str
    ref: str
    version: str = ""
    dry_run: bool = True


class Plan(NamedTuple):
    """The tree's version; whether this is a release or its rehearsal; whether to publish it."""

    version: str
    release: bool
    publish: bool


def make_plan(root: Path, event: Event) -> Plan:
    """Decide, after checking that the source tree has one version."""
    version = check_versions(root)
    tag = event.ref.removeprefix(_TAGS) if event.ref.startswith(_TAGS) else None
    if event.name == "workflow_dispatch":
        _check_dispatch(event, tag, version)
        plan = Plan(version, release=True, publish=not event.dry_run)
    elif event.name == "push" and tag is not None:
        plan = Plan(version, release=True, publish=True)
    else:
        return Plan(version, release=False, publish=False)
    if tag not in (None, tag_of(version)):
        raise ToolError(
            f"the tag is {tag}, but pyproject.toml has version {version}, whose tag is "
            f"{tag_of(version)}: delete the tag, and tag the commit with its version"
        )
    if plan.publish:
        _check_on_main(root)
    changelog_entry((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    return plan


def _check_dispatch(event: Event, tag: str | None, version: str) -> None:
    if event.version != version:
        raise ToolError(
            f"the requested version is {event.version!r}, but pyproject.toml has {version}: "
            "run the workflow on a commit with that version"
        )
    if not event.dry_run and tag is None and event.ref != "refs/heads/main":
        raise ToolError(
            f"{event.ref} is neither main nor a tag: releases are made from main, so only a dry "
            "run is possible here"
        )


def _check_on_main(root: Path) -> None:
    command = ["git", "-C", str(root), "merge-base", "--is-ancestor", "HEAD", _MAIN]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"git does not run: {error.strerror}") from None
    if done.returncode == 1:
        raise ToolError(
            "the commit is not on main: only reviewed and merged commits are released. Delete the "
            "tag, merge the commit into main, and tag the merged one"
        )
    if done.returncode != 0:
        raise ToolError(
            f"git cannot determine whether the commit is on main: {done.stderr.strip()}. "
            "Check out with the whole history"
        )
