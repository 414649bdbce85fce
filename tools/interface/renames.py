"""Find renamed types, constants and fields between two tables of facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from tools.interface.rows import Row, key_of, type_names


def with_names(rows: Iterable[Row], names: Mapping[str, str]) -> list[Row]:
    """Return the rows of a table with renamed types; constants keep their names."""

    def renamed(text: str) -> str:
        return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)

    return [
        (row[0], renamed(row[1]), *row[2:])
        if row[0] == "enum"
        else (row[0], *(renamed(text) for text in row[1:]))
        for row in rows
    ]


def replaced_types(old: list[Row], new: list[Row]) -> dict[str, str]:
    """Pair removed types with those that replaced them.

    Two types are a pair if one is in each place where the other was: as a parameter, a result or a
    field. The type may have changed along with its name; `renamed_types` omits those.
    """
    gone = type_names(old) - type_names(new)
    added = type_names(new) - type_names(old)
    pairs: dict[str, str] = {}
    # Fields of a renamed type are found once its new name is known.
    while more := {
        before: after
        for before, after in _unique(_aligned(with_names(old, pairs), new))
        if before in gone and after in added and before not in pairs
    }:
        pairs |= more
    return pairs


def renamed_types(old: list[Row], new: list[Row]) -> dict[str, str]:
    """Return the types that changed only their names, old name to new."""
    pairs = replaced_types(old, new)
    there = with_names(old, pairs)
    return {
        before: after
        for before, after in pairs.items()
        if _content(after, there) == _content(after, new)
    }


def renamed_constants(old: list[Row], new: list[Row]) -> dict[tuple[str, str], str]:
    """Return the constants with another name for the same value: (enum, old name) to new name."""

    def names(rows: list[Row]) -> dict[Row, Row]:
        return _unshared(((row[1], row[3]), row[1:3]) for row in rows if row[0] == "enum")

    return {(enum, name): after for (enum, name), (_, after) in _moved(names(old), names(new))}


def renamed_fields(old: list[Row], new: list[Row]) -> dict[str, str]:
    """Return the fields with another name, but the same type and place, as STRUCT.FIELD."""

    def names(rows: list[Row]) -> dict[Row, Row]:
        fields = (row for row in rows if row[0] == "field")
        return _unshared(((row[1].partition(".")[0], *row[2:]), row[1:2]) for row in fields)

    return {name: after for (name,), (after,) in _moved(names(old), names(new))}


def _unshared(placed: Iterable[tuple[Row, Row]]) -> dict[Row, Row]:
    """Return names by place, without those that share a place, such as members of a union."""
    pairs = list(placed)
    shared = Counter(place for place, _ in pairs)
    return {place: name for place, name in pairs if shared[place] == 1}


def _moved(before: dict[Row, Row], after: dict[Row, Row]) -> Iterator[tuple[Row, Row]]:
    """Yield removed names with the new ones at their places."""
    gone, added = set(before.values()), set(after.values())
    gone, added = gone - added, added - gone
    for place, name in before.items():
        if name in gone and after.get(place) in added:
            yield name, after[place]


def _aligned(old: Iterable[Row], new: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Yield words that differ at the same position of rows about the same thing."""
    after = {key_of(row): row for row in new}
    for row in old:
        other = after.get(key_of(row), row)
        was, now = (re.findall(r"\w+", " ".join(text[2:])) for text in (row, other))
        if len(was) == len(now):
            yield from ((one, two) for one, two in zip(was, now, strict=True) if one != two)


def _unique(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs whose members are in no other pair."""
    distinct = sorted(set(pairs))
    old_counts = Counter(before for before, _ in distinct)
    new_counts = Counter(after for _, after in distinct)
    return [pair for pair in distinct if old_counts[pair[0]] == new_counts[pair[1]] == 1]


def _content(name: str, rows: Iterable[Row]) -> list[Row]:
    """Return all rows about a type, in no particular order."""
    return sorted(row for row in rows if row[1] == name or row[1].startswith(f"{name}."))
