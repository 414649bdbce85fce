"""Hatchling's hooks: a wheel gets its archives compiled, each distribution its commit recorded.

The work is in temporal_static_libs/_build/; here is only what concerns Hatchling.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_ROOT = Path(__file__).resolve().parent

# A build frontend does not put the source tree on the path; no other copy must be found instead.
sys.path.insert(0, str(_ROOT))
try:
    from temporal_static_libs._build.interface import check_interface
    from temporal_static_libs._build.lock import exclusive
    from temporal_static_libs._build.long_description import long_description
    from temporal_static_libs._build.pipeline import build
    from temporal_static_libs._build.platform_check import check_platform
    from temporal_static_libs._build.record import recording
    from temporal_static_libs._build.source_commit import source_commit
    from temporal_static_libs._build.source_tree import (
        PROTOS,
        Sources,
        output_of_tree,
        sources_of_tree,
    )
    from temporal_static_libs._build.toolchain import BOOTSTRAP_REQUIREMENT
    from temporal_static_libs._errors import TemporalStaticLibsError
    from temporal_static_libs._settings import Settings
finally:
    sys.path.remove(str(_ROOT))


class TemporalStaticLibsMetadataHook(MetadataHookInterface):
    """The hook of the project's metadata in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what is dynamic: the readme."""
        text = (_ROOT / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": long_description(text)}


class TemporalStaticLibsBuildHook(BuildHookInterface[Any]):
    """The hook of both targets in pyproject.toml, wheel and sdist."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until_collected = ExitStack()

    def dependencies(self) -> list[str]:
        """What a wheel's build needs besides Hatchling."""
        if self.target_name != "wheel":
            return []
        try:
            return [BOOTSTRAP_REQUIREMENT] if Settings.from_environ().bootstrap_rust else []
        except TemporalStaticLibsError as error:
            self._abort(error)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do the target's part before Hatchling collects the files."""
        sources = sources_of_tree(_ROOT)
        if self.target_name == "wheel":
            self._compile(sources, build_data)
            # For the compile fallback, whose sources the wheel carries; see pyproject.toml.
            self._record_commit(sources, "temporal_static_libs", build_data)
        else:
            self._record_commit(sources, "", build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Let go of what had to stay until Hatchling had collected the files."""
        self._until_collected.close()

    def _compile(self, sources: Sources, build_data: dict[str, Any]) -> None:
        output = output_of_tree(_ROOT)
        try:
            settings = Settings.from_environ()
            with recording(self.metadata.version, settings) as recorder:
                check_platform(sources.workspace, settings)
                check_interface(sources.interface, sources.header)
                # Another build must not replace the archives before they are in the wheel.
                self._until_collected.enter_context(exclusive(_ROOT))
                tag = build(sources, output, self.metadata.version, settings, recorder)
        except TemporalStaticLibsError as error:
            self._abort(error)
        # Git ignores what is made, and Hatchling with it, unless it is named here.
        for made in (output.directory, _ROOT / "temporal_static_libs" / PROTOS):
            build_data["artifacts"].append(f"/{made.relative_to(_ROOT).as_posix()}/*")
        build_data["tag"] = f"py3-none-{tag}"
        build_data["pure_python"] = False

    def _record_commit(self, sources: Sources, place: str, build_data: dict[str, Any]) -> None:
        commit = source_commit(sources)
        if commit is not None:
            directory = self._until_collected.enter_context(tempfile.TemporaryDirectory())
            record = Path(directory, sources.recorded_commit.name)
            record.write_text(f"{commit}\n", encoding="ascii")
            build_data["force_include"][str(record)] = (Path(place) / record.name).as_posix()

    def _abort(self, error: TemporalStaticLibsError) -> NoReturn:
        # Not by raising it: the message would stand below a traceback through pip and Hatchling.
        self.app.display_error(str(error))
        sys.exit(1)
