"""The record of a build, also of one that fails: what came of it, how long it took, with what.

TEMPORAL_LIBS_BUILD_RECORD names the file; without it nothing is written. The form is that of
share/build-record.schema.json.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .._console import notice
from .._manifest import Manifest
from .._settings import BUILD_RECORD, Settings
from .._targets import Target
from .sccache import SccacheCounts
from .toolchain import Toolchain


class Recorder:
    """Takes down what there is to tell of one build, while it runs.

    Attributes:
        record: what it has so far, in the form of the schema.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self._phase: str | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase of the build. An error that ends it is recorded with its name."""
        self._phase = name
        start = time.monotonic()
        try:
            yield
        finally:
            self.record["phases"][name] = round(time.monotonic() - start, 3)
        self._phase = None

    def take_plan(self, target: Target, toolchain: Toolchain, profile: str) -> None:
        """What is compiled for, with what, and how."""
        self.record["platform"] = target.platform
        self.record["target"] = target.triple
        self.record["profile"] = profile
        self.record["toolchain"] = {"rustc": toolchain.rustc_version, "host": toolchain.host}

    def take_unit(self, fresh: bool) -> None:
        """One more of cargo's units.

        Args:
            fresh: whether it was in cargo's target directory already; else it has been compiled.
        """
        self.record["cargo"]["fresh" if fresh else "compiled"] += 1

    def take_sccache(self, counts: SccacheCounts | None) -> None:
        """What sccache has served; None where it had no part in it."""
        self.record["sccache"] = None if counts is None else asdict(counts)

    def take_manifest(self, manifest: Manifest) -> None:
        """The archives that the build has made."""
        self.record["commit"] = manifest.source_commit
        self.record["archives"] = _archives(manifest)

    def take_wheel(self, wheel: Path, tags: tuple[str, ...]) -> None:
        """The wheel that ships, and its platform tags."""
        size = wheel.stat().st_size
        self.record["wheel"] = {"file": wheel.name, "size": size, "tags": list(tags)}

    def take_error(self, error: BaseException) -> None:
        """What has ended the build."""
        self.record["error"] = {
            "type": type(error).__name__,
            "message": str(error).partition("\n")[0],
            "phase": self._phase,
        }


@contextmanager
def recording(version: str, settings: Settings) -> Iterator[Recorder]:
    """Record a build, however it ends.

    Args:
        version: the package's.
        settings: what may name the file.
    """
    recorder = Recorder(
        {
            "format": 1,
            "version": version,
            "platform": None,
            "target": None,
            "profile": None,
            "commit": None,
            "started": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "phases": {},
            "cargo": {"fresh": 0, "compiled": 0},
            "sccache": None,
            "toolchain": None,
            "archives": [],
            "wheel": None,
            "error": None,
        }
    )
    with _written(recorder, _file(settings)):
        yield recorder


@contextmanager
def completing(manifest: Manifest, settings: Settings) -> Iterator[Recorder]:
    """Go on with the record of the build that made some archives, if it has left one.

    Args:
        manifest: of the archives.
        settings: what may name the file.
    """
    file = _file(settings)
    record = None if file is None else _record_of(manifest, file)
    if record is None:
        yield Recorder({"phases": {}})
    else:
        recorder = Recorder({**record, "error": None})
        with _written(recorder, file):
            yield recorder


@contextmanager
def _written(recorder: Recorder, file: Path | None) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        recorder.take_error(error)
        raise
    finally:
        if file is not None:
            _write(recorder.record, file)


def _file(settings: Settings) -> Path | None:
    return None if settings.build_record is None else Path(settings.build_record)


def _record_of(manifest: Manifest, file: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if (record["target"], record["archives"]) == (manifest.target, _archives(manifest)):
            return record
        problem = "it is of another build"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = str(error)
    notice(f"{BUILD_RECORD}: {file} is not completed: {problem}")
    return None


def _archives(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {"component": library.component, "file": library.file, "size": library.size}
        for library in manifest.libraries
    ]


def _write(record: dict[str, Any], file: Path) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(f"{json.dumps(record, indent=2)}\n", encoding="ascii")
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        # What is built is worth more than what is told of it.
        notice(f"{BUILD_RECORD}: {file} cannot be written: {error.strerror}")
