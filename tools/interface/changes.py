"""The C interface's table of facts: its changes in words, and the updated table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tools.interface.rows import Row, key_of, rows_of

#: This project's names, which depend on the package's version and are in no table.
_OWN: Final = ("temporal_static_libs_", "TemporalStaticLibs", "TEMPORAL_STATIC_LIBS_")
#: The meaning of the columns after a row's key.
_LABELS: Final = {
    "function": ("return type", "parameters"),
    "callback": ("return type", "parameters"),
    "enum": ("value",),
    "field": ("type", "place"),
    "shape": ("nesting",),
    "struct": ("size", "alignment"),
}


@dataclass(frozen=True)
class Change:
    """A difference between two tables.

    Attributes:
        subject: the fact, or its type, in words.
        how: what happened to it.
        breaking: whether a program compiled against the old table can break.
        aspect: for an altered fact, what was `old` and is `new`.
    """

    subject: str
    how: Literal["removed", "added", "altered"]
    breaking: bool
    aspect: str = ""
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        altered = f": {self.aspect} was {self.old}, is {self.new}"
        how = altered if self.how == "altered" else f" {self.how}"
        return f"{self.subject}{how}{': breaking' if self.breaking else ''}"


def changes(old: Iterable[str], new: Iterable[str]) -> list[Change]:
    """Compare two tables, given as lines in any order; breaking changes come first."""
    before, after = _rows(old), _rows(new)
    found = [Change(_named(key), "removed", breaking=True) for key in _only(before, after)]
    # Callers allocate structs with the old size, and translated headers have the members at the
    # old offsets.
    found += [
        Change(_named(key), "added", breaking=key[0] in ("field", "shape"))
        for key in _only(after, before)
    ]
    for key in before.keys() & after.keys():
        labels = _LABELS.get(key[0], ("meaning",))
        for label, was, now in zip(labels, before[key], after[key], strict=False):
            if was != now:
                parts = (label, was or "empty", now or "empty")
                found.append(Change(_named(key), "altered", True, *parts))
    return sorted(found, key=lambda change: (not change.breaking, str(change)))


def updated(table: str, new: Iterable[str]) -> str:
    """Return a table's text with a header's facts, without this project's symbols, in its order."""
    rows = _rows(new)
    keys = map(key_of, rows_of(table.splitlines()))
    lines = [(*key, *rows.pop(key)) for key in keys if key in rows]
    # A struct before its fields, which are next to it.
    for key in sorted(rows, key=lambda key: (_group(key), key[0] == "field", key)):
        lines.insert(_place(key, lines), (*key, *rows[key]))
    return "".join("\t".join(line) + "\n" for line in lines)


def _rows(lines: Iterable[str]) -> dict[Row, Row]:
    keyed = ((key_of(row), row) for row in rows_of(lines))
    return {k: row[len(k) :] for k, row in keyed if not any(n.startswith(_OWN) for n in k[1:])}


def _owner(key: Row) -> Row:
    """Return the struct of a field or shape, or the enum of a constant."""
    if key[0] in ("field", "shape"):
        return ("struct", key[1].partition(".")[0])
    return key[:2]


def _group(key: Row) -> Row:
    """Return the group of a row in a table. Shapes are separate from their structs."""
    return key[:1] if key[0] == "shape" else _owner(key)


def _only(here: dict[Row, Row], there: dict[Row, Row]) -> list[Row]:
    """Return the rows in only one table, without the parts of a new struct or enum."""
    owners = {_owner(key) for key in there}
    missing = (key for key in here if key not in there)
    return list(dict.fromkeys(key if _owner(key) in owners else _owner(key) for key in missing))


def _named(key: Row) -> str:
    if len(key) == 3:
        return f"constant {key[2]} of enum {key[1]}"
    if key[0] == "field":
        struct, _, path = key[1].partition(".")
        return f"field {path} of struct {struct}"
    if key[0] == "shape":
        return f"shape of struct {key[1]}"
    return f"{key[0]} type {key[1]}" if key[0] == "opaque" else f"{key[0]} {key[1]}"


def _place(key: Row, lines: list[Row]) -> int:
    """Return the position after the last row of its struct or enum, or of its kind, or the end."""
    for alike in (lambda other: _group(other) == _group(key), lambda other: other[0] == key[0]):
        places = [number for number, line in enumerate(lines) if alike(line)]
        if places:
            return places[-1] + 1
    return len(lines)
