"""The interface in Temporal's releases, and the page generated from it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from packaging.version import Version

from tools.generate import interface_changes
from tools.generate.interface_changes import NOTES, to_do
from tools.interface.releases import CURRENT, RELEASES, TABLES, Release, implemented, old_names
from tools.interface.rows import Row, key_of, type_names
from tools.interface.steps import Difference, Kind, differences

STEPS = [pytest.param(*step, id=step[1].version) for step in pairwise(implemented())]


def without_sizes(rows: list[Row]) -> set[Row]:
    return {row for row in rows if row[0] != "struct"} | {
        row[:2] for row in rows if row[0] == "struct"
    }


def test_interface_matches_that_of_the_current_release(repo_root: Path) -> None:
    table = (repo_root / "tests" / "abi" / "c_abi.tsv").read_text(encoding="utf-8")
    assert sorted(table.splitlines()) == sorted("\t".join(row) for row in CURRENT.rows())


def test_tables_are_those_of_the_releases_in_order() -> None:
    names = [f"temporalio-{release.version}.tsv" for release in RELEASES]
    assert set(names) == {table.name for table in TABLES.iterdir()}
    versions = [Version(release.version) for release in RELEASES]
    assert versions == sorted(versions)


@pytest.mark.parametrize(("old", "new"), [*pairwise(RELEASES)])
def test_release_has_a_name_that_no_earlier_one_has(old: Release, new: Release) -> None:
    def has(release: Release) -> bool:
        return any(new.shown_by in "\t".join(row) for row in release.rows())

    assert has(new)
    assert not any(has(earlier) for earlier in RELEASES[: RELEASES.index(new)])
    assert all(has(later) for later in RELEASES[RELEASES.index(new) :])
    assert key_of(old.rows()[0]) == key_of(new.rows()[0])


def test_bridge_for_the_next_release_links_as_the_page_promises() -> None:
    # Its interface has everything that this one has, in the same places, and more.
    following = RELEASES[RELEASES.index(CURRENT) + 1]
    assert without_sizes(CURRENT.rows()) < without_sizes(following.rows())
    assert all(
        it.kind in (Kind.ADDED, Kind.FIELD_ADDED) or (it.kind is Kind.LAYOUT and not it.moved)
        for it in differences(CURRENT.rows(), following.rows())
    )


@pytest.mark.parametrize("page", ["c-api.md", "migration.md"])
def test_page_that_promises_to_link_names_the_cores_of_this_interface(
    page: str, repo_root: Path
) -> None:
    text = (repo_root / "docs" / page).read_text(encoding="utf-8")
    assert f"cores {CURRENT.core}" in text
    assert "(interface-changes.md)" in text


@pytest.mark.parametrize(("old", "new"), STEPS)
def test_each_row_has_advice_and_each_note_is_used(old: Release, new: Release) -> None:
    found = differences(old.rows(), new.rows())
    assert found
    noted = {
        it.subject
        for it in found
        if it.kind in (Kind.REMOVED, Kind.CHANGED, Kind.FIELD_ADDED)
        or (it.kind is Kind.ADDED and it.thing == "constant")
    }
    assert set(NOTES.get(new.version, {}).get("to_do", {})) == noted
    for it in found:
        if it.kind is not Kind.ADDED:
            assert to_do(it, new.version)


def test_notes_are_about_steps_of_the_page() -> None:
    ends = {release.version for release in implemented()[1:]}
    assert set(NOTES) <= ends


@pytest.mark.parametrize(("old", "new"), STEPS)
def test_every_removed_fact_is_in_a_row(old: Release, new: Release) -> None:
    gone = {key_of(row) for row in old.rows()} - {key_of(row) for row in new.rows()}
    renamed = {
        it.subject for it in differences(old.rows(), new.rows()) if it.kind is Kind.TYPE_RENAMED
    }
    named = {it.subject for it in differences(old.rows(), new.rows())}
    for kind, name, *constant in gone:
        if name.partition(".")[0] not in renamed:
            assert (constant[0] if constant else name) in named, (kind, name)


def test_page_has_each_old_name_and_each_old_constant() -> None:
    page = interface_changes.render()
    rows = {
        tuple(cell.strip() for cell in line.split("|")[1:-1])
        for line in page.splitlines()
        if line.startswith("|")
    }
    for old, new in old_names().items():
        assert (f"`{old}`", f"`{new}`") in rows
    constants = [
        it
        for old_release, new_release in pairwise(implemented())
        for it in differences(old_release.rows(), new_release.rows())
        if it.kind is Kind.CONSTANT_RENAMED
    ]
    assert constants
    for it in constants:
        row = (f"constant of `{it.owner}`", f"`{it.before}`", f"`{it.after}`", "Use the new name.")
        assert row in rows


def test_old_names_name_no_current_type() -> None:
    today = type_names(CURRENT.rows())
    names = old_names()
    assert names
    assert not set(names) & today
    assert set(names.values()) <= today


TABLE: list[Row] = [
    ("function", "f", "void", "A*"),
    ("struct", "A", "size 16", "align 8"),
    ("field", "A.x", "int64_t", "offset 0 size 8"),
    ("field", "A.y", "int64_t", "offset 8 size 8"),
    ("enum", "E", "One", "1"),
]


@pytest.mark.parametrize(
    ("index", "row", "said"),
    [
        pytest.param(
            0,
            ("function", "f", "bool", "A*"),
            [Difference(Kind.CHANGED, "function", "f", "void f(A*)", "bool f(A*)")],
            id="signature",
        ),
        pytest.param(
            2,
            ("field", "A.x", "int64_t", "offset 4 size 8"),
            [Difference(Kind.LAYOUT, "type", "A", "16 bytes", "16 bytes", moved=("x",))],
            id="field-moved",
        ),
        pytest.param(
            3,
            ("field", "A.y", "double", "offset 8 size 8"),
            [Difference(Kind.CHANGED, "field", "A.y", "int64_t y", "double y", "A")],
            id="field-type",
        ),
        pytest.param(
            4,
            ("enum", "E", "Two", "2"),
            [
                Difference(Kind.REMOVED, "constant", "One", "One", "", "E"),
                Difference(Kind.ADDED, "constant", "Two", "", "Two", "E"),
            ],
            id="constant",
        ),
    ],
)
def test_difference_becomes_a_row(index: int, row: Row, said: list[Difference]) -> None:
    new = [*TABLE[:index], row, *TABLE[index + 1 :]]
    assert differences(TABLE, new) == said
    assert differences(TABLE, TABLE) == []
