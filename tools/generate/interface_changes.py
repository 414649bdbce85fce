"""Generate docs/interface-changes.md from the tables of Temporal's releases and from notes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import tomli

from tools.generate.files import page, row
from tools.interface.releases import CURRENT, RELEASES, Release, implemented, old_names
from tools.interface.steps import Difference, Kind, differences

NOTES: Final[Mapping[str, Any]] = tomli.loads(
    Path(__file__).with_name("interface_notes.toml").read_text(encoding="utf-8")
)
"""The notes, by the version at which a step ends."""


def render() -> str:
    """Write the page.

    Raises:
        KeyError: interface_notes.toml does not say what to do for a row.
    """
    introduction = page(
        "interface-changes.md",
        current=CURRENT.version,
        releases="".join(map(_release, reversed(RELEASES))),
        names="".join(row(f"`{old}`", f"`{new}`") for old, new in old_names().items()),
    )
    return introduction + "".join(_step(old, new) for old, new in pairwise(implemented()))


def to_do(difference: Difference, version: str) -> str:
    """Return what a bridge must do for a row of the step that ends at a version."""
    match difference.kind:
        case Kind.LAYOUT:
            moved = ", ".join(f"`{name}`" for name in difference.moved)
            return f"Recompile. These fields moved: {moved}." if moved else "Recompile."
        case Kind.TYPE_RENAMED:
            return "Use the new name, or [the old one](#old-names)."
        case Kind.CONSTANT_RENAMED | Kind.FIELD_RENAMED:
            return "Use the new name."
    return str(NOTES[version]["to_do"][difference.subject])


def _release(release: Release) -> str:
    behind = RELEASES.index(CURRENT) - RELEASES.index(release)
    what = "Nothing: it links without changes."
    if behind < 0:
        what += f" The library ignores the options that {release.version} added."
    elif behind > 0:
        title = _title(release, RELEASES[RELEASES.index(release) + 1])
        link = f"[{title}](#{title.replace('.', '').replace(' ', '-')})"
        what = f"Change and recompile: {link if behind == 1 else f'start with {link}'}"
    shown_by = f"`{release.shown_by}`" if release.shown_by else "none of these"
    return row(release.alike, release.core, shown_by, what)


def _title(old: Release, new: Release) -> str:
    return f"{old.short} to {new.short}"


def _step(old: Release, new: Release) -> str:
    text = NOTES.get(new.version, {}).get("text")
    parts = [f"\n## {_title(old, new)}\n\n", f"{text}\n\n" if text else ""]
    parts.append("| what | before | after | what to do |\n|---|---|---|---|\n")
    passed_by = []
    for it in differences(old.rows(), new.rows()):
        # A bridge can ignore additions, except constants, which the library may return.
        if it.kind is Kind.ADDED and it.thing != "constant":
            passed_by.append(f"`{it.subject}`")
        else:
            parts.append(_row(it, new.version))
    if passed_by:
        parts.append(f"| new | | {', '.join(passed_by)} | Nothing. |\n")
    return "".join(parts)


def _row(difference: Difference, version: str) -> str:
    what = difference.thing
    before, after = (f"`{it}`" if it else "" for it in (difference.before, difference.after))
    if difference.owner:
        what += f" of `{difference.owner}`"
    elif difference.kind is Kind.LAYOUT:
        what = f"size of `{difference.subject}`"
        before, after = difference.before, difference.after
    return row(what, before, after, to_do(difference, version))
