"""The C interface's table of facts: what has changed in it, in words, and the new table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

#: Ours: they come and go with the package's version, and are in no table.
_OWN: Final = "temporal_static_libs_"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A difference between two tables.

    Attributes:
        words: what is different.
        breaking: whether a program that was compiled against the old one can break.
    """

    words: str
    breaking: bool

    def __str__(self) -> str:
        return f"{self.words}{': breaking' if self.breaking else ''}"


def changes(old: Iterable[str], new: Iterable[str]) -> list[Change]:
    """Say in words what is different, what breaks first.

    Args:
        old: lines of the old table, in any order.
        new: of the new one.
    """
    before, after = _rows(old), _rows(new)
    found = [Change(f"{_named(key)} removed", breaking=True) for key in _only(before, after)]
    # Whoever allocates a struct has made room for the old one.
    found += [
        Change(f"{_named(key)} added", breaking=key[0] == "field") for key in _only(after, before)
    ]
    found += [
        Change(words, breaking=True)
        for key in before
        if key in after
        for words in _altered(key, before[key], after[key])
    ]
    return sorted(found, key=lambda change: (not change.breaking, change.words))


def updated(table: str, new: Iterable[str]) -> str:
    """The table with the facts of a header, in the order that it has.

    Args:
        table: the old one's text.
        new: lines of the header's facts, this project's own symbols among them.
    """
    rows = _rows(new)
    lines: list[Key] = []
    for line in table.splitlines():
        key = _key(line)
        if key in rows:
            lines.append((*key, *rows.pop(key)))
    # A struct before its fields, whose place is beside it.
    for key in sorted(rows, key=lambda key: (_owner(key), key[0] == "field", key)):
        lines.insert(_place(key, lines), (*key, *rows[key]))
    return "".join("\t".join(line) + "\n" for line in lines)


def _rows(lines: Iterable[str]) -> dict[Key, Key]:
    rows = {}
    for line in lines:
        key = _key(line)
        if line and not key[1].startswith(_OWN):
            rows[key] = tuple(line.split("\t"))[len(key) :]
    return rows


def _key(line: str) -> Key:
    words = tuple(line.split("\t"))
    return words[: 3 if words[0] == "enum" else 2]


def _owner(key: Key) -> Key:
    """Of a field its struct, of a constant its enum."""
    if key[0] == "field":
        return ("struct", key[1].partition(".")[0])
    return key[:2]


def _only(here: dict[Key, Key], there: dict[Key, Key]) -> list[Key]:
    """What only one table has; a struct or an enum stands for its parts."""
    owners = {_owner(key) for key in there}
    return list(
        dict.fromkeys(
            key if _owner(key) in owners else _owner(key) for key in here if key not in there
        )
    )


def _named(key: Key) -> str:
    if len(key) == 3:
        return f"constant {key[2]} of enum {key[1]}"
    if key[0] == "field":
        struct, _, path = key[1].partition(".")
        return f"field {path} of struct {struct}"
    return f"{key[0]} type {key[1]}" if key[0] == "opaque" else f"{key[0]} {key[1]}"


def _altered(key: Key, old: Key, new: Key) -> Iterator[str]:
    labels = {
        "function": ("return type", "parameters"),
        "callback": ("return type", "parameters"),
        "enum": ("value",),
        "field": ("type", "place"),
        "struct": ("size", "alignment"),
    }.get(key[0], ("meaning",))
    for label, was, now in zip(labels, old, new, strict=False):
        if was != now:
            yield f"{_named(key)}: {label} was {was or 'empty'}, is {now or 'empty'}"


def _place(key: Key, lines: list[Key]) -> int:
    """After the last of its struct or enum, else of its kind, else at the end."""
    for alike in (lambda other: _owner(other) == _owner(key), lambda other: other[0] == key[0]):
        places = [number for number, line in enumerate(lines) if alike(line)]
        if places:
            return places[-1] + 1
    return len(lines)
