"""How the interface changed from one release to the next, a row for each thing to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from tools.interface.renames import (
    renamed_constants,
    renamed_fields,
    renamed_types,
    replaced_types,
    type_names,
    with_names,
)
from tools.interface.rows import Row, key_of


class Kind(Enum):
    """What happened; in the order in which a page shows it."""

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
        thing: what it happened to: type, constant, field, function, callback or alias.
        subject: the type, function or field: ``STRUCT.FIELD`` for a field. Of something that has
            another name, the old one.
        before: how it was in C, empty if it is new.
        after: how it is, empty if it is gone.
        owner: the struct or enum that it belongs to, if any.
        moved: of a struct whose layout changed, the fields that are elsewhere.
    """

    kind: Kind
    thing: str
    subject: str
    before: str
    after: str
    owner: str = ""
    moved: tuple[str, ...] = ()


def differences(old: list[Row], new: list[Row]) -> list[Difference]:
    """Compare two tables."""
    order = list(Kind)
    return sorted(_differences(old, new), key=lambda it: order.index(it.kind))


def _differences(old: list[Row], new: list[Row]) -> Iterator[Difference]:
    types = renamed_types(old, new)
    for before, after in types.items():
        yield Difference(Kind.TYPE_RENAMED, "type", before, before, after)
    old = with_names(old, types)
    constants = renamed_constants(old, new)
    for (enum, name), after in constants.items():
        yield Difference(Kind.CONSTANT_RENAMED, "constant", name, name, after, enum)
    fields = renamed_fields(old, new)
    for field, after in fields.items():
        struct, _, name = field.partition(".")
        yield Difference(Kind.FIELD_RENAMED, "field", field, name, after.partition(".")[2], struct)
    old = [_with_new_name(row, constants, fields) for row in old]

    replaced = replaced_types(old, new)
    before_rows = {key_of(row): row for row in old}
    after_rows = {key_of(row): row for row in new}
    gone, added = type_names(old) - type_names(new), type_names(new) - type_names(old)
    for key, row in before_rows.items():
        if row[0] in ("function", "callback", "alias") and key not in after_rows:
            taken_by = after_rows.get((row[0], replaced.get(row[1], "")))
            kind = Kind.CHANGED if taken_by else Kind.REMOVED
            yield Difference(kind, row[0], row[1], _in_c(row), _in_c(taken_by) if taken_by else "")
        elif row[0] in ("function", "callback", "alias") and after_rows[key] != row:
            yield Difference(Kind.CHANGED, row[0], row[1], _in_c(row), _in_c(after_rows[key]))
        elif row[0] in ("struct", "opaque") and row[1] in gone:
            yield Difference(Kind.REMOVED, "type", row[1], row[1], "")
        elif row[0] == "enum" and key not in after_rows:
            yield Difference(Kind.REMOVED, "constant", row[2], row[2], "", row[1])
    yield from _of_fields(before_rows, after_rows, gone, added, set(replaced.values()))
    yield from _of_structs(before_rows, after_rows)
    for key, row in after_rows.items():
        if key in before_rows or row[1] in replaced.values():
            continue
        if row[0] == "enum" and row[1] not in added:
            yield Difference(Kind.ADDED, "constant", row[2], "", row[2], row[1])
        elif row[0] in ("function", "callback", "alias"):
            yield Difference(Kind.ADDED, row[0], row[1], "", _in_c(row))
        elif row[0] in ("struct", "opaque"):
            yield Difference(Kind.ADDED, "type", row[1], "", row[1])
    yield from _new_enums(new, added)


def _with_new_name(row: Row, constants: dict[tuple[str, str], str], fields: dict[str, str]) -> Row:
    if row[0] == "enum":
        return (*row[:2], constants.get((row[1], row[2]), row[2]), *row[3:])
    if row[0] == "field":
        return (row[0], fields.get(row[1], row[1]), *row[2:])
    return row


def _of_fields(
    before: dict[Row, Row],
    after: dict[Row, Row],
    gone: set[str],
    added: set[str],
    taken: set[str],
) -> Iterator[Difference]:
    for key, row in before.items():
        if row[0] != "field":
            continue
        struct = row[1].partition(".")[0]
        if key not in after and struct not in gone:
            yield Difference(Kind.REMOVED, "field", row[1], _in_c(row), "", struct)
        # A callback that another took the place of is a row already.
        elif key in after and after[key][2] != row[2] and after[key][2] not in taken:
            yield Difference(Kind.CHANGED, "field", row[1], _in_c(row), _in_c(after[key]), struct)
    for key, row in after.items():
        struct = row[1].partition(".")[0]
        if row[0] == "field" and key not in before and struct not in added:
            yield Difference(Kind.FIELD_ADDED, "field", row[1], "", _in_c(row), struct)


def _of_structs(before: dict[Row, Row], after: dict[Row, Row]) -> Iterator[Difference]:
    for key, row in before.items():
        if row[0] != "struct" or key not in after:
            continue
        moved = tuple(
            other[1].partition(".")[2]
            for place, other in before.items()
            if place[0] == "field"
            and place[1].startswith(f"{row[1]}.")
            and place in after
            and _offset(after[place]) != _offset(other)
        )
        if after[key] != row or moved:
            yield Difference(
                Kind.LAYOUT, "type", row[1], _size(row), _size(after[key]), moved=moved
            )


def _new_enums(new: list[Row], added: set[str]) -> Iterator[Difference]:
    enums = dict.fromkeys(row[1] for row in new if row[0] == "enum" and row[1] in added)
    for enum in enums:
        yield Difference(Kind.ADDED, "type", enum, "", enum)


def _offset(field: Row) -> str:
    return field[3].split()[1]


def _size(struct: Row) -> str:
    return f"{struct[2].split()[1]} bytes"


def _in_c(row: Row) -> str:
    """How a row is written in C, as far as its table tells."""
    if row[0] == "field":
        return f"{row[2]} {row[1].partition('.')[2]}"
    if row[0] == "alias":
        return f"typedef {row[2]} {row[1]}"
    parameters = row[3] or "void"
    if row[0] == "callback":
        return f"{row[2]} (*{row[1]})({parameters})"
    return f"{row[2]} {row[1]}({parameters})"
