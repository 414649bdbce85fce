"""Decision what a run of the workflow does: build only, rehearse a release, or publish one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tools import ToolError
from tools.release.names import tag_of
from tools.release.texts import changelog_entry
from tools.release.versions import check_versions

_TAGS = "refs/tags/"


class Event(NamedTuple):
    """Event that made the workflow run.

    Attributes:
        name: GitHub's name of it: ``push``, ``pull_request``, ``workflow_dispatch``.
        ref: what it was for, as in ``refs/tags/temporal-libs-v1.2.3``.
        version: that was typed in, of a ``workflow_dispatch``.
        dry_run: that was ticked, of a ``workflow_dispatch``.
    """

    name: str
    ref: str
    version: str = ""
    dry_run: bool = True


class Plan(NamedTuple):
    """Version of the tree; whether this is a release or its rehearsal; whether to publish it."""

    version: str
    release: bool
    publish: bool


def make_plan(root: Path, event: Event) -> Plan:
    """Decide, after the source tree has been held to one version."""
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
            f"{tag_of(version)}: delete the tag, and tag the commit that has its version"
        )
    changelog_entry((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    return plan


def _check_dispatch(event: Event, tag: str | None, version: str) -> None:
    if event.version != version:
        raise ToolError(
            f"the version asked for is {event.version!r}, but pyproject.toml has {version}: "
            "run the workflow on a commit that has the version"
        )
    if not event.dry_run and tag is None and event.ref != "refs/heads/main":
        raise ToolError(
            f"{event.ref} is neither main nor a tag: releases are made of main, and here there can "
            "only be a dry run"
        )
