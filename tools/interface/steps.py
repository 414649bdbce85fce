"""Changes of the interface from one release to the next, with a row for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tools.interface.renames import (
    renamed_constants,
    renamed_fields,
    renamed_types,
    replaced_types,
    with_names,
)
from tools.interface.rows import Row, key_of, type_names


class Kind(Enum):
    """The kind of change, in the order on the page."""

    TYPE_RENAMED = "type renamed"
    CONSTANT_RENAMED = "constant renamed"
    REMOVED = "removed"
    FIELD_RENAMED = "field renamed"
    CHANGED = "changed"
    LAYOUT = "layout"
    FIELD_ADDED = "field added"
    ADDED = "added"


@dataclass(frozen=True)
class Difference:
    """A row.

    Attributes:
        kind: what happened.
        thing: what changed: type, constant, field, function, callback or alias.
        subject: the type, function or field, in the form ``STRUCT.FIELD`` for a field. For a
            rename, the old name.
        before: the old C code; empty if it is new.
        after: the new C code; empty if it was removed.
        owner: the struct or enum that it belongs to, if any.
        moved: for a struct with a changed layout, the fields at other offsets.
    """

    kind: Kind
    thing: str
    subject: str
    before: str
    after: str
    owner: str = ""
    moved: tuple[str, ...] = ()


_WITH_TYPES: Final = ("function", "callback", "alias")
_THINGS: Final = {"enum": "constant", "struct": "type", "opaque": "type"}


def differences(old: list[Row], new: list[Row]) -> list[Difference]:
    """Compare two tables."""
    order = list(Kind)
    return sorted(
        _differences(old, new), key=lambda it: (order.index(it.kind), it.thing == "field")
    )


def _differences(old: list[Row], new: list[Row]) -> Iterator[Difference]:
    types = renamed_types(old, new)
    for before, after in types.items():
        yield Difference(Kind.TYPE_RENAMED, "type", before, before, after)
    old = with_names(old, types)
    constants, fields = renamed_constants(old, new), renamed_fields(old, new)
    for (enum, name), after in constants.items():
        yield Difference(Kind.CONSTANT_RENAMED, "constant", name, name, after, enum)
    for field, after in fields.items():
        struct, _, name = field.partition(".")
        yield Difference(Kind.FIELD_RENAMED, "field", field, name, after.partition(".")[2], struct)

    def renamed(row: Row) -> Row:
        if row[0] == "enum":
            return (*row[:2], constants.get((row[1], row[2]), row[2]), *row[3:])
        return (row[0], fields.get(row[1], row[1]), *row[2:]) if row[0] == "field" else row

    yield from _other([renamed(row) for row in old], new)


def _other(old: list[Row], new: list[Row]) -> Iterator[Difference]:
    """Yield differences between tables that use the same names."""
    replaced = replaced_types(old, new)
    before, after = ({key_of(row): row for row in rows} for rows in (old, new))
    gone, added = type_names(old) - type_names(new), type_names(new) - type_names(old)
    for key, row in before.items():
        kind, name = row[:2]
        there = after.get(key)
        if kind in _WITH_TYPES:
            there = there or after.get((kind, replaced.get(name, "")))
            if there != row:
                yield _row(row, there)
        elif kind == "field":
            if there is None and name.partition(".")[0] not in gone:
                yield _row(row, None)
            # A replaced callback already has a row.
            elif there and there[2] != row[2] and there[2] not in replaced.values():
                yield _row(row, there)
        elif (kind in _THINGS and name in gone) or (kind == "enum" and there is None):
            yield _row(row, None)
        elif kind == "struct" and there is not None:
            moved = _moved(name, before, after)
            if there != row or moved:
                was, now = (f"{struct[2].split()[1]} bytes" for struct in (row, there))
                yield Difference(Kind.LAYOUT, "type", name, was, now, moved=moved)
    for key, row in after.items():
        kind, name = row[:2]
        if key in before or name in replaced.values():
            continue
        of_new_type = kind in ("enum", "field") and name.partition(".")[0] in added
        if kind in (*_WITH_TYPES, *_THINGS, "field") and not of_new_type:
            yield _row(None, row)
    for enum in dict.fromkeys(row[1] for row in new if row[0] == "enum" and row[1] in added):
        yield Difference(Kind.ADDED, "type", enum, "", enum)


def _row(before: Row | None, after: Row | None) -> Difference:
    kind, name, *rest = before or after or ()
    if before is None:
        what = Kind.FIELD_ADDED if kind == "field" else Kind.ADDED
    else:
        what = Kind.CHANGED if after else Kind.REMOVED
    owner = {"enum": name, "field": name.partition(".")[0]}.get(kind, "")
    subject = rest[0] if kind == "enum" else name
    return Difference(what, _THINGS.get(kind, kind), subject, _in_c(before), _in_c(after), owner)


def _moved(struct: str, before: dict[Row, Row], after: dict[Row, Row]) -> tuple[str, ...]:
    """Return the fields of a struct that are at other offsets."""
    return tuple(
        row[1].partition(".")[2]
        for key, row in before.items()
        if row[0] == "field"
        and row[1].startswith(f"{struct}.")
        and key in after
        and row[3].split()[1] != after[key][3].split()[1]
    )


def _in_c(row: Row | None) -> str:
    """Return a row's C code, as far as the table contains it."""
    match row:
        case None:
            return ""
        case ("field", name, kind, *_):
            return f"{kind} {name.partition('.')[2]}"
        case ("alias", name, target, *_):
            return f"typedef {target} {name}"
        case ("callback", name, result, parameters):
            return f"{result} (*{name})({parameters or 'void'})"
        case ("function", name, result, parameters):
            return f"{result} {name}({parameters or 'void'})"
    return row[2] if row[0] == "enum" else row[1]
