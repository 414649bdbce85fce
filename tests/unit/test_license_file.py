"""Converting cargo-about's output to the license file."""

from __future__ import annotations

from typing import Any

import pytest

from tools import ToolError
from tools.licenses.crate_texts import Licenses, LicenseText, licenses_of, render
from tools.licenses.linked_crates import Crate

ONE = Crate("one", "1.0.0")
TWO = Crate("two", "2.0.0")
MACRO = Crate("macro", "3.0.0")


def answer(**changes: Any) -> dict[str, Any]:
    """cargo-about's output for three crates, two of which have the same license file."""
    packages = {
        crate: {"name": crate.name, "version": crate.version, "authors": [f"{crate.name}'s <a@b>"]}
        for crate in (ONE, TWO, MACRO)
    }
    return {
        "crates": [
            {"package": packages[ONE], "license": "MIT/Zlib"},
            {"package": packages[TWO], "license": "MIT AND Apache-2.0"},
            {"package": packages[MACRO], "license": "MIT"},
        ],
        "licenses": [
            {
                "id": "MIT",
                "name": "MIT License",
                "text": "\nmay\n",
                "source_path": "LICENSE",
                "used_by": [{"crate": packages[crate]} for crate in (TWO, MACRO, ONE)],
            },
            {
                "id": "Apache-2.0",
                "name": "Apache License 2.0",
                "text": "terms",
                "source_path": None,
                "used_by": [{"crate": packages[TWO]}],
            },
        ],
        **changes,
    }


def test_shared_text_is_included_once() -> None:
    licenses = licenses_of(answer(), [ONE, TWO])
    assert licenses.expressions == {ONE: "MIT OR Zlib", TWO: "MIT AND Apache-2.0"}
    assert [(text.identifier, text.crates) for text in licenses.texts] == [
        ("Apache-2.0", (TWO,)),
        ("MIT", (ONE, TWO)),
    ]
    assert licenses.texts[1].text == "may"


def test_generic_text_is_marked_and_names_the_authors() -> None:
    apache, _ = licenses_of(answer(), [ONE, TWO]).texts
    note, _, text = apache.text.partition("\n\n")
    assert "no file with exactly its text" in " ".join(note.split())
    assert "two's.)" in note
    assert "one's" not in note
    assert text == "terms"


def test_license_used_only_by_a_macro_is_omitted() -> None:
    only = {
        **answer()["licenses"][0],
        "used_by": [{"crate": {"name": "macro", "version": "3.0.0"}}],
    }
    licenses = licenses_of(answer(licenses=[*answer()["licenses"], only]), [ONE, TWO])
    assert [text.identifier for text in licenses.texts] == ["Apache-2.0", "MIT"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"crates": []}, id="no-crate"),
        pytest.param({"licenses": []}, id="no-text"),
        pytest.param(
            {"crates": [{"package": {"name": "one", "version": "1.0.0"}, "license": "Unknown"}]},
            id="unknown",
        ),
    ],
)
def test_crate_without_a_license_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match=r"finds no license for one 1\.0\.0: clarify it"):
        licenses_of(answer(**changes), [ONE])


def test_file_lists_all_crates_before_the_texts() -> None:
    licenses = Licenses(
        {ONE: "MIT", TWO: "MIT"}, (LicenseText("MIT", "MIT License", "may  \n", (ONE, TWO)),)
    )
    platforms = {ONE: ("linux-x64", "macos-arm64"), TWO: ("macos-arm64",)}
    head, _, texts = render(licenses, platforms, "std's\n", "00ff").partition("\n\n====")
    assert "SHA-256 of Cargo.lock: 00ff\n" in head
    assert "\none 1.0.0: MIT\ntwo 2.0.0: MIT (macos-arm64)\n" in head
    assert [line for line in texts.splitlines() if not line.startswith(("=", "-"))] == [
        *("MIT License (MIT)", "one 1.0.0", "two 2.0.0", "may", "", "std's")
    ]
