"""docs/troubleshooting.md has an entry for each message of the code, and for no other."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from temporal_static_libs._messages import MESSAGES, message

VALUE = "…"

# A block of messages of this project. Those of other programs are in blocks marked as text.
ENTRIES = re.compile(r"^```output\n(.*?)^```$", re.MULTILINE | re.DOTALL)
USE = re.compile(r'\bmessage\(\s*"([^"]+)"')

ZIG_TABLE = re.compile(r"^const messages = struct \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
ZIG_MESSAGE = re.compile(r'const \w+ =\s+(?:\\\\(.*)|((?:"(?:[^"\\]|\\.)*"(?: \+\+\s+)?)+);)')
CMAKE_MESSAGE = re.compile(
    r'^ *set\(_?(?:temporal_)?message_\w+\s+"((?:[^"\\]|\\.)*)"', re.MULTILINE
)

# Functions and classes that take a message, and the index of that argument.
TEXT_AT = {"notice": 0, "report": 0, "error": 0, "_broken": 1, "Finding": 2}


def first_line(text: str, value: str) -> str:
    """The first line of a text, with a mark for each value or group of adjacent values."""
    line = re.sub(value, VALUE, text.splitlines()[0].strip())
    return re.sub(f"{VALUE}+", VALUE, line)


def has_words(text: str) -> bool:
    """Whether it contains anything other than values."""
    return re.search(r"[^\W\d_]{2}", text) is not None


def zig_messages(file: Path) -> list[str]:
    """The texts of a Zig file's table."""
    found = ZIG_TABLE.search(file.read_text(encoding="utf-8"))
    assert found, file
    texts = []
    for line, quoted in ZIG_MESSAGE.findall(found[1]):
        text = line or re.sub(r'" \+\+\s+"', "", quoted)[1:-1].replace('\\"', '"')
        texts.append(first_line(text, r"\{\w\}"))
    assert len(texts) == found[1].count("const ")
    return texts


def cmake_messages(file: Path) -> list[str]:
    """The texts of a CMake template's table."""
    texts = CMAKE_MESSAGE.findall(file.read_text(encoding="utf-8"))
    assert texts, file
    return [first_line(text, r"@\w+@") for text in texts]


@pytest.fixture(scope="module")
def messages(package_dir: Path, repo_root: Path) -> set[str]:
    share = package_dir / "share"
    texts = [first_line(text, r"\{[^}]*\}") for text in MESSAGES.values()]
    for zig in (share / "zig/temporal_libs.zig", repo_root / "examples/zig-archives/build.zig"):
        texts += zig_messages(zig)
    for template in share.glob("*.cmake.in"):
        texts += cmake_messages(template)
    return {text for text in texts if has_words(text)}


@pytest.fixture(scope="module")
def sources(package_dir: Path, repo_root: Path) -> dict[Path, str]:
    """The Python files that can print a message."""
    files = [*package_dir.rglob("*.py"), repo_root / "hatch_build.py"]
    return {file: file.read_text(encoding="utf-8") for file in files}


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def quoted(page: str) -> Iterator[str]:
    for block in ENTRIES.findall(page):
        yield from block.splitlines()


def test_each_message_of_the_code_has_an_entry(messages: set[str], page: str) -> None:
    assert messages - set(quoted(page)) == set()


def test_each_entry_is_a_message_of_the_code(messages: set[str], page: str) -> None:
    assert set(quoted(page)) - messages == set()


def test_no_message_has_two_entries(page: str) -> None:
    entries = list(quoted(page))
    assert len(entries) == len(set(entries))


def test_each_id_is_used_and_no_unknown_one_is(sources: dict[Path, str]) -> None:
    used = {it for text in sources.values() for it in USE.findall(text)}
    assert used == set(MESSAGES)


def test_ids_are_words_with_hyphens() -> None:
    assert [it for it in MESSAGES if not re.fullmatch(r"[a-z]+(-[a-z]+)*", it)] == []


def test_values_are_inserted_into_a_message_by_name() -> None:
    text = message("hash-mismatch", name="a.a", recorded="{x}", actual="b")
    assert text == "a.a was altered: SHA-256 mismatch: expected {x}, found b"


def literal_texts(source: str, errors: set[str]) -> list[str]:
    """Texts that are raised or reported without the catalog, unless they continue a problem."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        place = 0 if called in errors else TEXT_AT.get(called)
        is_well = called == "Finding" and ast.unparse(node.args[0]) == "True"
        if place is None or is_well or called == "message":
            continue
        argument = node.args[place] if len(node.args) > place else node.func
        text = ast.unparse(argument)
        goes_on = text.startswith(("f'{problem}", 'f"{problem}', "f'{PROG}"))
        if (
            isinstance(argument, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.IfExp))
            and not goes_on
        ):
            found.append(f"{node.lineno}: {text}")
    return found


def error_classes(sources: dict[Path, str]) -> set[str]:
    """The names of the package's exceptions."""
    names = re.findall(r"^class (\w+Error)\(", "\n".join(sources.values()), re.MULTILINE)
    return {"ValueError", *names}


def test_no_text_bypasses_the_catalog(sources: dict[Path, str]) -> None:
    errors = error_classes(sources)
    assert {"CompileError", "SettingError"} < errors
    assert {
        file.name: literal_texts(text, errors)
        for file, text in sources.items()
        if literal_texts(text, errors)
    } == {}


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ('raise AError("is missing")', True),
        ('raise AError(f"{file} is missing") from None', True),
        ('raise BError(origin.report("a" + file, file))', True),
        ('yield Finding(False, "a", f"{b}")', True),
        ('yield Finding(True, "a", "b")', False),
        ('raise AError(message("missing", file="a"))', False),
        ("raise AError(text)", False),
        ('raise AError(f"{problem}\\n  fix: do")', False),
    ],
)
def test_text_that_bypasses_the_catalog_is_found(source: str, is_found: bool) -> None:
    assert bool(literal_texts(source, {"AError", "BError"})) is is_found


LOGGED = re.compile(r'tracing::\w+!\(\s*target: "temporal_static_libs",\s*"([^"]+)"')
"""A log record of the library."""


def test_each_log_about_slots_is_on_the_page(page: str, repo_root: Path) -> None:
    source = (repo_root / "rust" / "c-api" / "src" / "slot_watch.rs").read_text(encoding="utf-8")
    logged = {re.sub(r"\{\w+\}", VALUE, text) for text in LOGGED.findall(source)}
    assert len(logged) == source.count("tracing::warn!") + source.count("tracing::info!") == 3
    assert [text for text in logged if f"\n| `{text}` |" not in page] == []


def without_required(schema: Any) -> Any:
    """Copy a schema, making every field optional."""
    if isinstance(schema, dict):
        return {name: without_required(it) for name, it in schema.items() if name != "required"}
    return [without_required(it) for it in schema] if isinstance(schema, list) else schema


def test_samples_of_a_workers_json_match_its_schema(page: str, package_dir: Path) -> None:
    samples = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for name, sample in zip(("state", "server"), samples, strict=True):
        file = package_dir / "share" / f"worker-{name}.schema.json"
        schema = json.loads(file.read_text(encoding="utf-8"))
        jsonschema.validate(json.loads(sample), without_required(schema))
