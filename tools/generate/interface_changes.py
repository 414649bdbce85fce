"""docs/interface-changes.md, of the tables of Temporal's releases and notes written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tools.generate.interface_notes import BEFORE_A_TABLE, TO_DO
from tools.interface.releases import CURRENT, RELEASES, Release, implemented, old_names
from tools.interface.steps import Difference, Kind, differences

_INTRODUCTION = """\
# What changed in the C interface

This package has the interface of Temporal's own C bridge as of `temporalio` {current}. Find the
release that your bridge was written for, and do what each step from there on says.

Generated from tables of each release's header by `make reference`; do not edit.

## Which release is yours

Temporal ships the header in the source distribution of its Python package, `temporalio`. The header
names no version. Look for these names in yours, from the top down, and take the first row whose
name is there (`grep NAME temporal-sdk-core-c-bridge.h`).

| `temporalio` | core | name in the header | what to do |
|---|---|---|---|
{releases}
A release between two rows has part of the step that lies between them.

Where a step only adds fields, recompiling is enough if you set structs to zero before you fill them
in; the tables say what 0 means. A bridge in Zig, C or C++ gets the new sizes from the header. If
yours spells out offsets itself, as a bridge in Bun, .NET or Python may, change them by hand.

## Old names

Types that were only renamed are available under both names if you define
`TEMPORAL_STATIC_LIBS_OLD_NAMES` before you include the header:

```c
#define TEMPORAL_STATIC_LIBS_OLD_NAMES
#include "temporal-sdk-core-c-bridge.h"
```

In Zig, put `@cDefine("TEMPORAL_STATIC_LIBS_OLD_NAMES", {{}});` before `@cInclude`, or call
`translate.defineCMacro("TEMPORAL_STATIC_LIBS_OLD_NAMES", null)` in `build.zig`. With other build
systems, add `-DTEMPORAL_STATIC_LIBS_OLD_NAMES` to the compiler's options.

| old name | today |
|---|---|
{names}
Constants have no old names: as a macro, `None` or `String` would change other code as well. They
are rows of [1.29 to 1.31](#129-to-131).
"""

_LINKS = "Nothing: it links as it is."
_AHEAD = "Nothing: it links as it is. The library ignores the options that {version} added."

_RENAMED = "Use the new name, or [the old one](#old-names)."
_NEW_NAME = "Use the new name."


def render() -> str:
    """Write the page.

    Raises:
        KeyError: a row has nothing that says what to do; `interface_notes` lacks it.
    """
    parts = [
        _INTRODUCTION.format(
            current=CURRENT.version,
            releases="".join(_release(release) for release in reversed(RELEASES)),
            names="".join(f"| `{old}` | `{new}` |\n" for old, new in old_names().items()),
        )
    ]
    parts += [_step(old, new) for old, new in pairwise(implemented())]
    return "".join(parts)


def _release(release: Release) -> str:
    name = f"`{release.shown_by}`" if release.shown_by else "none of these"
    cells = (release.alike, release.core, name, _to_do_for(release))
    return f"| {' | '.join(cells)} |\n"


def _to_do_for(release: Release) -> str:
    behind = RELEASES.index(CURRENT) - RELEASES.index(release)
    if behind < 0:
        return _AHEAD.format(version=release.version)
    if behind == 0:
        return _LINKS
    following = RELEASES[RELEASES.index(release) + 1]
    steps = "Change and recompile: {}" if behind == 1 else "Change and recompile: from {} on"
    title = _title(release, following)
    return steps.format(f"[{title}](#{title.replace('.', '').replace(' ', '-')})")


def _title(old: Release, new: Release) -> str:
    return f"{old.short} to {new.short}"


def _step(old: Release, new: Release) -> str:
    found = differences(old.rows(), new.rows())
    rows = [it for it in found if not _is_only_new(it)]
    text = BEFORE_A_TABLE.get(new.version, "")
    parts = [f"\n## {_title(old, new)}\n\n", f"{text}\n\n" if text else ""]
    parts += ["| what | before | after | what to do |\n|---|---|---|---|\n"]
    parts += [_row(it, new.version) for it in rows]
    parts += _new([it for it in found if _is_only_new(it)])
    return "".join(parts)


def _is_only_new(difference: Difference) -> bool:
    """Whether a bridge can pass it by; a constant may come out of the library."""
    return difference.kind is Kind.ADDED and difference.thing != "constant"


def _row(difference: Difference, version: str) -> str:
    what = difference.thing
    if difference.owner:
        what += f" of `{difference.owner}`"
    elif difference.kind is Kind.LAYOUT:
        what = f"size of `{difference.subject}`"
    before, after = (
        text if difference.kind is Kind.LAYOUT else _code(text)
        for text in (difference.before, difference.after)
    )
    return f"| {what} | {before} | {after} | {to_do(difference, version)} |\n"


def to_do(difference: Difference, version: str) -> str:
    """Say what a bridge has to do about a row of the step that ends at a version."""
    if difference.kind is Kind.LAYOUT:
        moved = ", ".join(f"`{name}`" for name in difference.moved)
        return f"Recompile. At other offsets: {moved}." if moved else "Recompile."
    if difference.kind is Kind.TYPE_RENAMED:
        return _RENAMED
    if difference.kind in (Kind.CONSTANT_RENAMED, Kind.FIELD_RENAMED):
        return _NEW_NAME
    return TO_DO[version][difference.subject]


def _new(added: Sequence[Difference]) -> Iterator[str]:
    """One row for all that a bridge can pass by."""
    if added:
        names = ", ".join(f"`{it.subject}`" for it in added)
        yield f"| new | | {names} | Nothing. |\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
