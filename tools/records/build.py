"""Reading and validating the record of a build."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
from referencing import Registry, Resource

from tools import ROOT, ToolError

RECORD_SCHEMA: Final = ROOT / "temporal_static_libs" / "share" / "build-record.schema.json"


@dataclass(frozen=True)
class Build:
    """A record in the format of build-record.schema.json. Sizes are in bytes."""

    record: dict[str, Any]

    @property
    def version(self) -> str:
        """The package's version."""
        return str(self.record["version"])

    @property
    def platform(self) -> str:
        """The platform's name; ``unknown`` if the build failed before it was determined."""
        return self.record["platform"] or "unknown"

    @property
    def series(self) -> tuple[str, str | None]:
        """Platform and Cargo profile, which comparable builds share."""
        return self.platform, self.record["profile"]

    @property
    def outcome(self) -> str:
        """``ok``, or the reason for the failure."""
        error = self.record["error"]
        if error is not None:
            phase = f" in {error['phase']}" if error["phase"] else ""
            return f"{error['type']}{phase}"
        return "ok" if self.record["wheel"] else "not repaired"

    @property
    def seconds(self) -> float:
        """The total duration of all phases."""
        return float(sum(self.record["phases"].values()))

    @property
    def wheel_size(self) -> int | None:
        """The wheel's size; None without a wheel."""
        wheel = self.record["wheel"]
        return None if wheel is None else int(wheel["size"])

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the wheel and each archive, by display name."""
        found = {} if self.wheel_size is None else {"the wheel": self.wheel_size}
        return found | {str(one["file"]): int(one["size"]) for one in self.record["archives"]}


def read_json(file: Path, schema: Path) -> dict[str, Any]:
    """Read a JSON file that conforms to a schema.

    Raises:
        ToolError: it does not conform; the message says where.
    """
    try:
        value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _validator(schema).validate(value)
    except (OSError, ValueError) as error:
        raise ToolError(f"{file} cannot be read: {error}") from None
    except jsonschema.ValidationError as error:
        raise ToolError(f"{file}: {error.json_path}: {error.message}") from None
    return value


@cache
def _validator(schema: Path) -> jsonschema.Draft202012Validator:
    contents = {file: json.loads(file.read_bytes()) for file in (RECORD_SCHEMA, schema)}
    registry: Registry[Any] = Registry().with_resources(
        (file.name, Resource.from_contents(content)) for file, content in contents.items()
    )
    return jsonschema.Draft202012Validator(contents[schema], registry=registry)
