"""The rows of a table of facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Row: TypeAlias = tuple[str, ...]
"""A line of a table: kind, name, and columns that depend on the kind."""


def rows_of(lines: Iterable[str]) -> list[Row]:
    """Split the lines of a table."""
    return [tuple(line.split("\t")) for line in lines if line]


def key_of(row: Row) -> Row:
    """Return a row's key: kind and name, and the enum of a constant."""
    return row[: 3 if row[0] == "enum" else 2]


def type_names(rows: Iterable[Row]) -> set[str]:
    """Return the names of all types in a table."""
    return {row[1] for row in rows if row[0] in ("opaque", "struct", "callback", "alias", "enum")}
