"""The record of a build, even of a failed one: its results, times and tools.

TEMPORAL_LIBS_BUILD_RECORD names the file; if it is unset, nothing is written. The format is
described in share/build-record.schema.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .._about import __version__
from .._console import notice
from .._manifest import Manifest
from .._messages import message
from .._settings import Settings
from .._whole_files import remove_leftovers, write_whole
from .tool import output_of

# Cargo's variables: https://doc.rust-lang.org/cargo/reference/config.html#buildrustc-wrapper
_WRAPPER_VARIABLES = ("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER")


@dataclass
class Recorder:
    """Collects the facts of a running build; `record` has the format of the schema."""

    record: dict[str, Any]
    _phase: str | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase of the build. If an error ends it, the error is recorded with its name."""
        self._phase = name
        start = time.monotonic()
        try:
            yield
        finally:
            self.record["phases"][name] = round(time.monotonic() - start, 3)
        self._phase = None

    @contextmanager
    def counting_sccache(self, environ: Mapping[str, str]) -> Iterator[None]:
        """Record sccache's hits and misses during a block, if cargo's environment uses it.

        Its server also counts other builds at the same time.
        """
        before = _sccache_counts(environ)
        try:
            yield
        finally:
            after = _sccache_counts(environ)
            if before is not None and after is not None:
                self.record["sccache"] = {name: after[name] - before[name] for name in after}

    def take_unit(self, fresh: bool) -> None:
        """Count one of cargo's units; a fresh unit was not compiled again."""
        self.record["cargo"]["fresh" if fresh else "compiled"] += 1

    def take_manifest(self, manifest: Manifest) -> None:
        """Record the archives that the build has made."""
        self.record.update(commit=manifest.source_commit, archives=_archives(manifest))

    def take_wheel(self, wheel: Path, tags: tuple[str, ...]) -> None:
        """Record the wheel that ships, and its platform tags."""
        size = wheel.stat().st_size
        self.record["wheel"] = {"file": wheel.name, "size": size, "tags": list(tags)}

    def take_environment(self, python: str, packages: Mapping[str, str]) -> None:
        """Record the versions of the Python that made the wheel and of its packages."""
        self.record["environment"] = {"python": python, "packages": dict(packages)}

    def take_error(self, error: BaseException) -> None:
        """Record the error that ended the build."""
        # By its public name: subclasses in _build only add facts for the advice.
        kinds = (it for it in type(error).__mro__ if not it.__module__.startswith(__package__))
        self.record["error"] = {
            "type": next(kinds).__name__,
            "message": str(error).partition("\n")[0],
            "phase": self._phase,
        }


@contextmanager
def recording(settings: Settings) -> Iterator[Recorder]:
    """Record a build, even if it fails, if the settings name a file."""
    recorder = Recorder(
        {
            "format": 1,
            "version": __version__,
            **dict.fromkeys(("platform", "target", "profile", "commit")),
            "started": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "phases": {},
            "cargo": {"fresh": 0, "compiled": 0},
            "sccache": None,
            "toolchain": None,
            "archives": [],
            "wheel": None,
            "environment": None,
            "builder": None,
            "error": None,
        }
    )
    with _written(recorder, settings.build_record):
        yield recorder


@contextmanager
def completing(manifest: Manifest, settings: Settings) -> Iterator[Recorder]:
    """Continue the record of the build that made a manifest's archives, if there is one."""
    file = settings.build_record
    record = None if file is None else _record_of(manifest, Path(file))
    recorder = Recorder({"phases": {}} if record is None else {**record, "error": None})
    with _written(recorder, None if record is None else file):
        yield recorder


@contextmanager
def _written(recorder: Recorder, file: str | None) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        recorder.take_error(error)
        raise
    finally:
        if file is not None:
            _write(recorder.record, Path(file))


def _record_of(manifest: Manifest, file: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if (record["target"], record["archives"]) == (manifest.target, _archives(manifest)):
            return record
        notice(message("record-of-another-build", file=file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        notice(message("record-not-completed", file=file, reason=error))
    return None


def _archives(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {"component": library.component, "file": library.file, "size": library.size}
        for library in manifest.libraries
    ]


def _write(record: dict[str, Any], file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, f"{json.dumps(record, indent=2)}\n".encode("ascii"))
        remove_leftovers(file.parent, file.name)
    except OSError as error:
        # The build is worth more than its record.
        notice(message("record-not-written", file=file, reason=error.strerror))


def _sccache_counts(environ: Mapping[str, str]) -> dict[str, int] | None:
    """Return the counts of sccache's server; None if cargo does not use it or it is unavailable."""
    program = next((environ[name] for name in _WRAPPER_VARIABLES if environ.get(name)), "")
    if Path(program).stem != "sccache":
        return None
    try:
        answer = output_of([program, "--show-stats", "--stats-format=json"], environ)
        stats = json.loads(answer)["stats"]
        return {it: sum(stats[f"cache_{it}"]["counts"].values()) for it in ("hits", "misses")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
