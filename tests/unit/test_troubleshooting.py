"""docs/troubleshooting.md has an entry for each message of the code, and for no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from temporal_static_libs._messages import MESSAGES
from tests.support.docs.messages import (
    VALUE,
    Message,
    cmake_messages,
    has_words,
    normalised,
    python_messages,
    zig_messages,
)

# One or more lines that are nothing but a message, and below them what it means.
ENTRY = re.compile(r"^((?:`[^`\n]+`<br>\n)+)(?=[^`\s]|`[^`\n]+`(?!<br>))", re.MULTILINE)


@pytest.fixture(scope="module")
def messages(package_dir: Path, repo_root: Path) -> list[Message]:
    share = package_dir / "share"
    return [
        *python_messages([*sorted(package_dir.rglob("*.py")), repo_root / "hatch_build.py"]),
        *(Message(text_of(it), "_messages.py") for it in MESSAGES.values()),
        *(it for file in sorted(share.rglob("*.zig")) for it in zig_messages(file)),
        *(it for file in sorted(share.glob("*.cmake.in")) for it in cmake_messages(file)),
        *(
            it
            for file in sorted((repo_root / "examples").glob("*/build.zig"))
            for it in zig_messages(file)
        ),
    ]


def text_of(template: str) -> str:
    """The first line of a template, with the mark for each value."""
    first = template.strip().partition("\n")[0]
    return re.sub(r"(?:\{\w+(?:![rs])?\})+", VALUE, first)


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def quoted(page: str) -> Iterator[str]:
    for terms in ENTRY.findall(page):
        yield from re.findall("`(.+)`", terms)


def test_each_message_of_the_code_has_an_entry(messages: list[Message], page: str) -> None:
    entries = set(quoted(page))
    lacking = {f"{it.where}: {it.text}" for it in messages if it.text not in entries}
    assert not lacking


def test_each_entry_is_a_message_of_the_code(messages: list[Message], page: str) -> None:
    assert set(quoted(page)) <= {it.text for it in messages}


def test_no_message_has_two_entries(page: str) -> None:
    entries = list(quoted(page))
    assert len(entries) == len(set(entries))


def test_each_kind_of_source_has_been_read(messages: list[Message]) -> None:
    # Else a reader of sources that finds nothing would pass.
    suffixes = {it.where.partition(":")[0].partition(".")[2] for it in messages}
    assert suffixes == {"py", "zig", "cmake.in"}


LOGGED = re.compile(r'tracing::\w+!\(\s*target: "temporal_static_libs",\s*"([^"]+)"')
"""A log of the library."""


def test_each_log_about_slots_is_on_the_page(page: str, repo_root: Path) -> None:
    source = (repo_root / "rust" / "c-api" / "src" / "slot_watch.rs").read_text(encoding="utf-8")
    logged = {re.sub(r"\{\w+\}", VALUE, text) for text in LOGGED.findall(source)}
    assert len(logged) == source.count("tracing::warn!") + source.count("tracing::info!") == 3
    assert [text for text in logged if f"\n| `{text}` |" not in page] == []


def without_required(schema: Any) -> Any:
    """Copy a schema in which every field may be left out."""
    if isinstance(schema, dict):
        return {name: without_required(it) for name, it in schema.items() if name != "required"}
    return [without_required(it) for it in schema] if isinstance(schema, list) else schema


def test_samples_of_a_workers_json_are_parts_of_it(page: str, package_dir: Path) -> None:
    samples = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for name, sample in zip(("state", "server"), samples, strict=True):
        file = package_dir / "share" / f"worker-{name}.schema.json"
        schema = json.loads(file.read_text(encoding="utf-8"))
        jsonschema.validate(json.loads(sample), without_required(schema))


PYTHON = """
from errors import BrokenError

NAME = "the archive"

class WorseError(BrokenError): ...

def raises(file, size):
    kind = "short" if size else "long"
    sizes = f"it has {size} bytes"
    if size:
        raise BrokenError(origin.report(f"{NAME} is {kind}: {sizes}", file))
    raise WorseError(f"{file} is {NAME}\\n  mend: do")

class BrokenError(Exception): ...
"""


def test_python_is_read_with_its_names_and_branches(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(PYTHON)
    assert {it.text for it in python_messages([file])} == {
        f"the archive is short: it has {VALUE} bytes",
        f"the archive is long: it has {VALUE} bytes",
        f"{VALUE} is the archive",
    }


def test_error_whose_message_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("class BadError(Exception): ...\n\ndef f(x):\n    raise BadError(words(x))\n")
    with pytest.raises(ValueError, match=r"^a\.py:4: no message can be read from words\(x\)$"):
        list(python_messages([file]))


def test_zig_is_read_with_its_joined_and_multiline_literals(tmp_path: Path) -> None:
    file = tmp_path / "build.zig"
    file.write_text(
        'const a = b.addFail("-D" ++ option ++ " is missing: \\"{s}\\"");\n'
        "const c = b.fmt(\n    \\\\no {s} here\n    \\\\  below\n, .{tool});\n"
        'const d = b.fmt("{s} {s}", .{});\n'
    )
    assert [(it.text, it.where) for it in zig_messages(file)] == [
        (f'-D{VALUE} is missing: "{VALUE}"', "build.zig:1"),
        (f"no {VALUE} here", "build.zig:2"),
    ]


def test_cmake_is_read_with_its_values(tmp_path: Path) -> None:
    file = tmp_path / "A.cmake.in"
    file.write_text(
        'set(_temporal_lack "")\n'
        'set(_temporal_lack\n    "${a} is ${_b_${c}_d}; mend: @MEND@"\n)\n'
        'message(FATAL_ERROR "$ENV{X} asks")\n'
    )
    texts = [it.text for it in cmake_messages(file)]
    assert texts == [f"{VALUE} is {VALUE}; mend: {VALUE}", f"{VALUE} asks"]


def test_first_line_with_words_is_the_message() -> None:
    assert normalised(f"\n  a{VALUE}{VALUE}\nb") == f"a{VALUE}"
    assert not has_words(f"{VALUE}: {VALUE}")
