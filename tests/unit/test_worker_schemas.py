"""The schemas of a worker's state, as the worker and its server report it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

OPTIONAL = {"worker-state": [], "worker-server": [{"workflow", "activity", "nexus"}]}
"""Optional fields, for each object that has any.

The server does not report kinds of tasks that the worker does not accept.
"""


@pytest.fixture(params=OPTIONAL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def schema(name: str, package_dir: Path) -> dict[str, Any]:
    text = (package_dir / "share" / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def objects(part: object) -> Iterator[dict[str, Any]]:
    """Find the schemas of objects in a schema."""
    if isinstance(part, dict):
        if "properties" in part:
            yield part
        for inner in part.values():
            yield from objects(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner)


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    found = [(name, it) for part in objects(schema) for name, it in part["properties"].items()]
    assert len(found) > 15
    assert [name for name, it in found if not it.get("description")] == []


def test_unknown_fields_are_refused_and_only_optional_ones_may_be_missing(
    name: str, schema: dict[str, Any]
) -> None:
    parts = list(objects(schema))
    assert {(part["type"], part["additionalProperties"]) for part in parts} == {("object", False)}
    assert [part for part in parts if not set(part["required"]) <= set(part["properties"])] == []
    optional = [set(part["properties"]) - set(part["required"]) for part in parts]
    assert [fields for fields in optional if fields] == OPTIONAL[name]
