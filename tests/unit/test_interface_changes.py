"""The differences between two interface tables in words, and the updated table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.interface.changes import changes, updated

TABLE = """\
function\ta_free\tvoid\tA*
function\ta_new\tA*\tB
callback\tOn\tvoid\tint32_t
opaque\tA\t\t
alias\tName\tOther\t
enum\tE\tOne\t1
enum\tE\tTwo\t2
shape\tC\tunion{x}\t
struct\tB\tsize 16\talign 8
field\tB.x\tint32_t\toffset 0 size 4
field\tB.y\tint64_t\toffset 8 size 8
field\tC.x\tint32_t\toffset 0 size 4
struct\tC\tsize 4\talign 4
"""
LAST_FUNCTION = "function\ta_new\tA*\tB\n"


def edited(*edits: tuple[str, str]) -> str:
    """The table with lines replaced."""
    text = TABLE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def words(new: str) -> list[str]:
    """Return the changes; also check that the updated table has them."""
    # Unordered, like a header's facts.
    lines = sorted(new.splitlines(), reverse=True)
    assert updated(TABLE, lines) == new
    return [str(change) for change in changes(TABLE.splitlines(), lines)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            LAST_FUNCTION,
            f"{LAST_FUNCTION}function\tz\tvoid\t\n",
            ["function z added"],
            id="function-added",
        ),
        pytest.param(LAST_FUNCTION, "", ["function a_new removed: breaking"], id="removed"),
        pytest.param(
            "a_new\tA*\tB",
            "a_new\tint32_t\t",
            [
                "function a_new: parameters was B, is empty: breaking",
                "function a_new: return type was A*, is int32_t: breaking",
            ],
            id="signature",
        ),
        pytest.param(
            "On\tvoid\tint32_t",
            "On\tvoid\tint64_t",
            ["callback On: parameters was int32_t, is int64_t: breaking"],
            id="callback",
        ),
        pytest.param("opaque\tA\t\t\n", "", ["opaque type A removed: breaking"], id="opaque"),
        pytest.param(
            "alias\tName\tOther",
            "alias\tName\tAnother",
            ["alias Name: meaning was Other, is Another: breaking"],
            id="alias",
        ),
        pytest.param(
            "enum\tE\tTwo\t2\n",
            "enum\tE\tTwo\t2\nenum\tE\tThree\t3\n",
            ["constant Three of enum E added"],
            id="constant-added",
        ),
        pytest.param(
            *("Two\t2", "Two\t3", ["constant Two of enum E: value was 2, is 3: breaking"]),
            id="constant-changed",
        ),
        pytest.param(
            "enum\tE\tOne\t1\nenum\tE\tTwo\t2\n", "", ["enum E removed: breaking"], id="enum"
        ),
        pytest.param(
            "struct\tB\tsize 16\talign 8\nfield\tB.x\tint32_t\toffset 0 size 4\n"
            "field\tB.y\tint64_t\toffset 8 size 8\n",
            "",
            ["struct B removed: breaking"],
            id="struct",
        ),
        pytest.param(
            "B.y\tint64_t\toffset 8 size 8",
            "B.y\tint32_t\toffset 4 size 4",
            [
                "field y of struct B: place was offset 8 size 8, is offset 4 size 4: breaking",
                "field y of struct B: type was int64_t, is int32_t: breaking",
            ],
            id="field",
        ),
        pytest.param(
            "field\tB.y\tint64_t\toffset 8 size 8\n",
            "field\tB.y\tint64_t\toffset 8 size 8\nfield\tB.z\tint64_t\toffset 16 size 8\n",
            ["field z of struct B added: breaking"],
            id="field-added",
        ),
        pytest.param(
            "struct\tC\tsize 4\talign 4\n",
            "struct\tC\tsize 4\talign 4\nstruct\tD\tsize 4\talign 4\n",
            ["struct D added"],
            id="struct-added",
        ),
        pytest.param(
            "shape\tC\tunion{x}\t\n",
            "shape\tC\tstruct{x}\t\n",
            ["shape of struct C: nesting was union{x}, is struct{x}: breaking"],
            id="shape",
        ),
        pytest.param(
            "shape\tC\tunion{x}\t\n",
            "",
            ["shape of struct C removed: breaking"],
            id="shape-removed",
        ),
        pytest.param(
            "shape\tC\tunion{x}\t\n",
            "shape\tC\tunion{x}\t\nshape\tB\tstruct{x} y\t\n",
            ["shape of struct B added: breaking"],
            id="shape-added",
        ),
    ],
)
def test_difference_is_reported_and_written(old: str, new: str, said: list[str]) -> None:
    assert words(edited((old, new))) == said


def test_same_table_has_no_difference() -> None:
    assert words(TABLE) == []


def test_breaking_changes_come_first() -> None:
    new = edited(("field\tC.x\tint32_t", "field\tC.x\tuint32_t"), (LAST_FUNCTION, LAST_FUNCTION))
    new = new.replace(LAST_FUNCTION, f"{LAST_FUNCTION}function\tb\tvoid\t\n")
    assert [line.endswith(": breaking") for line in words(new)] == [True, False]


def test_new_struct_is_reported_without_its_parts_but_written_with_them() -> None:
    new = [
        *TABLE.splitlines(),
        "struct\tD\tsize 4\talign 4",
        "field\tD.x\tint32_t\toffset 0 size 4",
    ]
    shape = "shape\tD\tunion{x}\t"
    found = changes(TABLE.splitlines(), [*new, shape])
    assert [str(change) for change in found] == ["struct D added"]
    table = updated(TABLE, [*new, shape]).splitlines()
    assert table[-2:] == new[-2:]
    # With the other shapes, not next to its struct.
    assert table[table.index(shape) - 1].startswith("shape\tC\t")


@pytest.mark.parametrize(
    "fact",
    [
        "function\ttemporal_static_libs_version\tconst char*\t",
        "struct\tTemporalStaticLibsStart\tsize 4\talign 4",
        "field\tTemporalStaticLibsStart.x\tint32_t\toffset 0 size 4",
        "shape\tTemporalStaticLibsStart\tunion{x}\t",
        "enum\tTemporalStaticLibsKind\tOne\t1",
        "enum\tE\tTEMPORAL_STATIC_LIBS_ONE\t9",
    ],
)
def test_projects_additions_are_in_no_table(fact: str) -> None:
    new = [*TABLE.splitlines(), fact]
    assert changes(TABLE.splitlines(), new) == []
    assert updated(TABLE, new) == TABLE


def test_rewriting_the_table_of_this_checkout_changes_nothing(repo_root: Path) -> None:
    text = (repo_root / "tests" / "abi" / "c_abi.tsv").read_text(encoding="utf-8")
    assert updated(text, reversed(text.splitlines())) == text
