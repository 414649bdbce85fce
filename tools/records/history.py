"""The builds of every release so far: build-history.json, which is published with each.

`ToolError`: a file is invalid or missing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import ToolError
from tools.records.build import RECORD_SCHEMA, Build, read_json

_SCHEMA: Final = Path(__file__).with_name("history.schema.json")


@dataclass(frozen=True)
class Release:
    """The builds of a version of the package, one or more per platform, by platform."""

    version: str
    builds: tuple[Build, ...]


@dataclass(frozen=True)
class History:
    """All releases, oldest first."""

    releases: tuple[Release, ...] = ()

    def before(self, version: str) -> History:
        """Return the other releases, because a second attempt at a release replaces the first."""
        return History(tuple(it for it in self.releases if it.version != version))

    def with_release(self, release: Release) -> History:
        """Return the history with a new release at the end."""
        return History((*self.before(release.version).releases, release))

    def last_like(self, build: Build) -> Build | None:
        """Return the last successful build of the same platform and profile."""
        builds = (it for release in reversed(self.releases) for it in release.builds)
        return next((it for it in builds if it.series == build.series and it.outcome == "ok"), None)


def read_release(places: list[Path]) -> Release:
    """Read records, which must be of one version, from files and directories of ``.json`` files."""
    files = [
        file for place in places for file in ([place] if place.is_file() else place.rglob("*.json"))
    ]
    if not files:
        raise ToolError(f"there is no record in {', '.join(map(str, places))}")
    builds = [Build(read_json(file, RECORD_SCHEMA)) for file in files]
    versions = sorted({build.version for build in builds})
    if len(versions) != 1:
        raise ToolError(f"the records are for several versions: {', '.join(versions)}")
    builds.sort(key=lambda build: (build.platform, build.record["started"]))
    return Release(versions[0], tuple(builds))


def read_history(file: Path) -> History:
    """Read a history."""
    return History(
        tuple(
            Release(release["version"], tuple(map(Build, release["builds"])))
            for release in read_json(file, _SCHEMA)["releases"]
        )
    )


def write_history(history: History, file: Path) -> None:
    """Write a history atomically."""
    releases = [
        {"version": release.version, "builds": [build.record for build in release.builds]}
        for release in history.releases
    ]
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps({"format": 1, "releases": releases}, indent=1) + "\n", "ascii")
    os.replace(new, file)
