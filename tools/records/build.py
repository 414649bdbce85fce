"""One build's record, read and held to its schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tools import ROOT

_SCHEMA = ROOT / "temporal_static_libs" / "share" / "build-record.schema.json"


class RecordError(Exception):
    """A file does not hold what it should. The message names it and says why."""


@dataclass(frozen=True)
class Build:
    """A record.

    Attributes:
        record: in the form of build-record.schema.json.
    """

    record: dict[str, Any]

    @property
    def version(self) -> str:
        """The package's version."""
        return str(self.record["version"])

    @property
    def platform(self) -> str:
        """The platform's name; ``unknown`` where the build failed before it was settled."""
        return self.record["platform"] or "unknown"

    @property
    def series(self) -> tuple[str, str | None]:
        """What other builds are to be compared with this one: platform and Cargo profile."""
        return self.platform, self.record["profile"]

    @property
    def outcome(self) -> str:
        """``ok``, or what ended the build."""
        error = self.record["error"]
        if error is not None:
            phase = f" in {error['phase']}" if error["phase"] else ""
            return f"{error['type']}{phase}"
        return "ok" if self.record["wheel"] else "not repaired"

    @property
    def seconds(self) -> float:
        """How long all phases took together."""
        return float(sum(self.record["phases"].values()))

    @property
    def wheel_size(self) -> int | None:
        """Bytes; None without a wheel."""
        wheel = self.record["wheel"]
        return None if wheel is None else int(wheel["size"])

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of the wheel and of each archive, by what a person calls them."""
        found = {} if self.wheel_size is None else {"the wheel": self.wheel_size}
        return found | {str(one["file"]): int(one["size"]) for one in self.record["archives"]}


def read_builds(places: list[Path]) -> list[Build]:
    """Read records, in the order of platforms' names.

    Args:
        places: files, and directories of which every ``.json`` file is one.

    Raises:
        RecordError: a file is no record, or there is none.
    """
    files = [
        file for place in places for file in ([place] if place.is_file() else place.rglob("*.json"))
    ]
    if not files:
        raise RecordError(f"there is no record in {', '.join(map(str, places))}")
    builds = [Build(validated(read_json(file), build_validator(), file)) for file in files]
    return sorted(builds, key=lambda build: (build.platform, build.record["started"]))


@cache
def build_validator() -> jsonschema.Draft202012Validator:
    """Holds something to the schema of a record."""
    return jsonschema.Draft202012Validator(read_json(_SCHEMA))


def read_json(file: Path) -> Any:
    """Read a JSON file.

    Raises:
        RecordError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{file} cannot be read: {error}") from None


def validated(value: Any, validator: jsonschema.Draft202012Validator, file: Path) -> dict[str, Any]:
    """A value that meets a schema.

    Raises:
        RecordError: it does not; the message says where.
    """
    try:
        validator.validate(value)
    except jsonschema.ValidationError as error:
        raise RecordError(f"{file}: {error.json_path}: {error.message}") from None
    found: dict[str, Any] = value
    return found
