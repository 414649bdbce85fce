"""`manifest.json`: reading, writing, and its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from temporal_static_libs._components import COMPONENTS
from temporal_static_libs._manifest import parse_manifest
from temporal_static_libs._targets import ALL_TARGETS
from tests.support.pip.manifests import MANIFEST


def edited(path: str, value: object) -> str:
    """The manifest's JSON with the value at a dotted path replaced, or removed if it is `...`."""
    top: Any = MANIFEST.to_dict()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = top
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(top)


@pytest.fixture(scope="module")
def schema(package_dir: Path) -> dict[str, Any]:
    """The schema that the package carries."""
    text = (package_dir / "share" / "manifest.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def test_written_manifest_is_read_back() -> None:
    assert parse_manifest(json.dumps(MANIFEST.to_dict())) == MANIFEST


def test_written_manifest_conforms_to_the_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(MANIFEST.to_dict(), schema)


@pytest.mark.parametrize(
    "path",
    [
        "rustc",
        "cargo.profile",
        "cargo.features",
        "source_commit",
        "cargo_lock_sha256",
        "libraries.0.api_functions",
    ],
)
def test_unknown_values_can_be_null(schema: dict[str, Any], path: str) -> None:
    text = edited(path, None)
    jsonschema.validate(json.loads(text), schema)
    assert json.dumps(parse_manifest(text).to_dict()) == text


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("version", ..., "the manifest has no 'version'"),
        ("abi", 1, "the manifest: 'abi' is not a string"),
        ("floor", "2.17", "the manifest: 'floor' is not an object"),
        ("floor.version", ..., "the manifest: 'floor' has no 'version'"),
        ("rustc", [], "the manifest: 'rustc' is not a string"),
        ("cargo", ..., "the manifest has no 'cargo'"),
        ("cargo.features.temporalio-client", {}, "'temporalio-client' is not a list"),
        ("libraries", {}, "the manifest: 'libraries' is not a list"),
        ("libraries.0", "x", "the manifest: 'libraries'[0] is not an object"),
        ("libraries.0.sha256", ..., "the manifest: 'libraries'[0] has no 'sha256'"),
        ("libraries.0.size", "1", "the manifest: 'libraries'[0]: 'size' is not an integer"),
        ("libraries.0.size", True, "the manifest: 'libraries'[0]: 'size' is not an integer"),
        ("libraries.0.frameworks", [1], "'frameworks' is not a list of strings"),
    ],
)
def test_wrong_value_is_named_and_fails_the_schema(
    schema: dict[str, Any], path: str, value: object, problem: str
) -> None:
    text = edited(path, value)
    with pytest.raises(ValueError) as caught:
        parse_manifest(text)
    assert problem in str(caught.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(text), schema)


def string_paths(form: object, path: str = "") -> Iterator[str]:
    """The dotted path of each string in a manifest's JSON."""
    if isinstance(form, str):
        yield path
    entries = enumerate(form) if isinstance(form, list) else ()
    for key, value in form.items() if isinstance(form, dict) else entries:
        yield from string_paths(value, f"{path}.{key}" if path else str(key))


HOSTILE = {
    "cmake-variable": "${CMAKE_COMMAND}",
    "cmake-bracket": "a]]) message(FATAL_ERROR",
    "quote": 'a") execute_process(COMMAND id) #',
    "list": "a;b",
    "line": "a\nLibs: -levil",
    "line-at-the-end": "a\n",
    "carriage-return": "a\rb",
    "command": "$(id)",
    "backquote": "`id`",
    "pkg-config-variable": "${pcfiledir}",
    "backslash": "a\\b",
    "generator-expression": "$<1:a>",
    "space": "a -Wl,-plugin,evil.so",
    "not-ascii": "\N{FULLWIDTH LATIN SMALL LETTER A}",
    "NUL": "a\0b",
    "empty": "",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_string_with_special_characters_is_refused(schema: dict[str, Any], hostile: str) -> None:
    paths = list(string_paths(MANIFEST.to_dict()))
    assert {"abi", "floor.name", "libraries.0.file", "libraries.0.frameworks.1"} < set(paths)
    validator = jsonschema.Draft202012Validator(schema)
    for path in paths:
        # Text that only looks like a version of rustc is harmless.
        text = edited(path, f"$ {hostile}" if path == "rustc" else hostile)
        with pytest.raises(ValueError, match="is not "):
            parse_manifest(text)
        # Python's `$` also matches before a line break at the end; a schema's does not.
        assert hostile.endswith("\n") or not validator.is_valid(json.loads(text)), path


def test_names_of_crates_are_checked_too() -> None:
    with pytest.raises(ValueError, match="'features' is not a crate or its features"):
        parse_manifest(edited("cargo.features", {"${x}": []}))


@pytest.mark.parametrize("file", ["..", ".", "../a.a", "/a.a", "a/b.a", "-a.a", ".a", "a\0.a"])
def test_archive_outside_the_manifests_directory_is_refused(file: str) -> None:
    problem = r"'libraries'\[0\]: 'file' is not a plain file name"
    with pytest.raises(ValueError, match=problem):
        parse_manifest(edited("libraries.0.file", file))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"], ids=["empty", "cut", "list", "null"])
def test_manifest_that_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_manifest(text)


def test_schema_accepts_the_names_of_the_table(schema: dict[str, Any]) -> None:
    library = schema["properties"]["libraries"]["items"]["properties"]
    assert schema["properties"]["platform"]["enum"] == [target.platform for target in ALL_TARGETS]
    assert library["component"]["enum"] == [component.name for component in COMPONENTS]
