"""Renamed types, constants and fields that did not change otherwise."""

from __future__ import annotations

import pytest

from tools.interface.renames import (
    renamed_constants,
    renamed_fields,
    renamed_types,
    replaced_types,
)
from tools.interface.rows import rows_of

OLD = """\
function\tconnect\tvoid\tOptions*, OnDone
function\tfree\tvoid\tHandle*
callback\tOnDone\tvoid\tHandle*
opaque\tHandle\t\t
opaque\tOther\t\t
enum\tTag\tNone\t0
enum\tTag\tSome\t1
struct\tOptions\tsize 16\talign 8
field\tOptions.part\tPart\toffset 0 size 8
field\tOptions.twin\tTwin\toffset 8 size 8
struct\tPart\tsize 8\talign 8
field\tPart.x\tint64_t\toffset 0 size 8
struct\tTwin\tsize 8\talign 8
field\tTwin.x\tint64_t\toffset 0 size 8
"""


def edited(*edits: tuple[str, str]) -> list[tuple[str, ...]]:
    """The table with words replaced."""
    text = OLD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return rows_of(text.splitlines())


ROWS = rows_of(OLD.splitlines())


@pytest.mark.parametrize(
    ("edits", "names"),
    [
        pytest.param([("Handle", "Connection")], {"Handle": "Connection"}, id="opaque"),
        pytest.param([("OnDone", "Done")], {"OnDone": "Done"}, id="callback"),
        pytest.param(
            [("Part", "Options_Part"), ("Twin", "Options_Twin")],
            {"Part": "Options_Part", "Twin": "Options_Twin"},
            id="structs-with-the-same-fields",
        ),
        pytest.param(
            [("Options", "Settings"), ("Part", "Piece")],
            {"Options": "Settings", "Part": "Piece"},
            id="struct-and-what-is-in-it",
        ),
        pytest.param(
            [("Handle", "Connection"), ("OnDone", "Done")],
            {"Handle": "Connection", "OnDone": "Done"},
            id="callback-and-its-parameter",
        ),
    ],
)
def test_renamed_types_are_found(edits: list[tuple[str, str]], names: dict[str, str]) -> None:
    new = edited(*edits)
    assert renamed_types(ROWS, new) == names
    assert renamed_types(ROWS, ROWS) == {}


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([("Part", "Piece"), ("Piece.x\tint64_t", "Piece.x\tdouble")], id="field-type"),
        pytest.param([("Part", "Piece"), ("Piece.x", "Piece.y")], id="field-name"),
        pytest.param(
            [("Part", "Piece"), ("struct\tPiece\tsize 8", "struct\tPiece\tsize 16")], id="size"
        ),
        pytest.param(
            [("OnDone", "Done"), ("Done\tvoid\tHandle*", "Done\tvoid\tOther*")], id="parameter"
        ),
    ],
)
def test_type_that_also_changed_is_not_a_rename(edits: list[tuple[str, str]]) -> None:
    new = edited(*edits)
    assert renamed_types(ROWS, new) == {}
    assert len(replaced_types(ROWS, new)) == 1


def test_type_that_replaces_no_other_is_not_a_rename() -> None:
    # All opaque types look the same; only their uses distinguish them.
    new = edited(("opaque\tOther", "opaque\tUnrelated"))
    assert replaced_types(ROWS, new) == {}


def test_renamed_constants_are_matched_by_value() -> None:
    new = edited(("None\t0", "Tag_None\t0"), ("Some\t1", "Tag_Some\t2"))
    assert renamed_constants(ROWS, new) == {("Tag", "None"): "Tag_None"}


def test_renamed_fields_are_matched_by_type_and_place() -> None:
    assert renamed_fields(ROWS, edited(("Part.x", "Part.y"))) == {"Part.x": "Part.y"}
    moved = edited(("Part.x\tint64_t\toffset 0", "Part.y\tint64_t\toffset 8"))
    assert renamed_fields(ROWS, moved) == {}
