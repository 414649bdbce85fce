"""What the link check reads from a page."""

from __future__ import annotations

import pytest

from tests.support.docs.markdown_page import parse_page


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("[a](b.md), then [c](d/e.md#f)", ["b.md", "d/e.md#f"]),
        ('[a](b.md "its title")', ["b.md"]),
        ("[a](<b.md>)", ["b.md"]),
        ("[`a[0]`](b.md)", ["b.md"]),
        ("![a picture](a.svg)", ["a.svg"]),
        ("[![a picture](a.svg)](b.md)", ["b.md", "a.svg"]),
        ("[a][b]\n\n[b]: c.md", ["c.md"]),
        ("[a][]\n\n[a]: c.md", ["c.md"]),
        ("[a]\n\n[a]: c.md", ["c.md"]),
        ("| a |\n| --- |\n| [b](c.md) |", ["c.md"]),
        ("- one\n\n  > [b](c.md)", ["c.md"]),
        ('A <a href="b.md">b</a>', ["b.md"]),
        ('<p>\n<img src="a.svg" alt="a">\n</p>', ["a.svg"]),
        ("<https://example.invalid/>", ["https://example.invalid/"]),
        ("`[a](b.md)` and\n\n```\n[a](b.md)\n```\n\n    [a](b.md)", []),
        ("<!-- [a](b.md) -->", []),
        ("\\[a](b.md)", []),
    ],
)
def test_targets(text: str, targets: list[str]) -> None:
    assert parse_page(text).targets == targets


@pytest.mark.parametrize(
    ("text", "anchors"),
    [
        ("# One thing", {"one-thing"}),
        ("Under\nlined\n=====", {"underlined"}),
        ("## `lib_dir()`, and more: *much*", {"lib_dir-and-more-much"}),
        ("## A [link](b.md)", {"a-link"}),
        ("# Dup\n\n# Dup\n\n# Dup", {"dup", "dup-1", "dup-2"}),
        ("```sh\n# A comment\n```", set()),
        ('<a id="here"></a><a name="there"></a>', {"here", "there"}),
    ],
)
def test_anchors(text: str, anchors: set[str]) -> None:
    assert parse_page(text).anchors == anchors


@pytest.mark.parametrize(
    ("text", "undefined"),
    [
        ("[a][b]", ["[a][b]"]),
        ("[a][]", ["[a][]"]),
        ("[a][b]\n\n[b]: c.md", []),
        ("`a[0][1]`", []),
        ("a [choice] of words", []),
    ],
)
def test_references_that_nothing_defines(text: str, undefined: list[str]) -> None:
    assert parse_page(text).undefined == undefined
