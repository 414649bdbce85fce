"""The builds of every release so far: build-history.json, which is published with each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
from referencing import Registry, Resource

from tools.records.build import Build, RecordError, build_validator, read_json, validated

_SCHEMA: Final = Path(__file__).with_name("history.schema.json")


@dataclass(frozen=True)
class Release:
    """A release's builds, one or more a platform.

    Attributes:
        version: the package's.
        builds: in the order of platforms' names.
    """

    version: str
    builds: tuple[Build, ...]


@dataclass(frozen=True)
class History:
    """All releases, the oldest first."""

    releases: tuple[Release, ...] = ()

    def before(self, version: str) -> History:
        """The other releases: a second attempt at one takes the place of the first."""
        kept = tuple(release for release in self.releases if release.version != version)
        return replace(self, releases=kept)

    def with_release(self, release: Release) -> History:
        """The history with one more release, the newest."""
        return History((*self.before(release.version).releases, release))

    def last_like(self, build: Build) -> Build | None:
        """The last build that went well of the same platform and profile."""
        for release in reversed(self.releases):
            for earlier in release.builds:
                if earlier.series == build.series and earlier.outcome == "ok":
                    return earlier
        return None

    def to_dict(self) -> dict[str, Any]:
        """In the form of history.schema.json."""
        releases = [
            {"version": release.version, "builds": [build.record for build in release.builds]}
            for release in self.releases
        ]
        return {"format": 1, "releases": releases}


def release_of(builds: list[Build]) -> Release:
    """What several builds make, which are all of one version.

    Raises:
        RecordError: they are not.
    """
    versions = sorted({build.version for build in builds})
    if len(versions) != 1:
        raise RecordError(f"the records are of several versions: {', '.join(versions)}")
    return Release(versions[0], tuple(builds))


def read_history(file: Path) -> History:
    """Read a history.

    Raises:
        RecordError: the file is none.
    """
    content = validated(read_json(file), _validator(), file)
    return History(
        tuple(
            Release(release["version"], tuple(map(Build, release["builds"])))
            for release in content["releases"]
        )
    )


def write_history(history: History, file: Path) -> None:
    """Write a history whole, or leave what is there."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(f"{json.dumps(history.to_dict(), indent=1)}\n", encoding="ascii")
    os.replace(new, file)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    record: Any = build_validator().schema
    registry: Registry[Any] = Registry().with_resources(
        [("build-record.schema.json", Resource.from_contents(record))]
    )
    return jsonschema.Draft202012Validator(read_json(_SCHEMA), registry=registry)
