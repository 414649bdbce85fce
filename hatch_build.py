"""Hatchling's hooks: compile the archives of a wheel, and record the commit in each distribution.

temporal_static_libs/_build/ does the work. This file only connects it to Hatchling, and adds the
user's options to errors.
"""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_ROOT = Path(__file__).resolve().parent

# Build frontends do not put the source tree on sys.path. It goes first, before any other copy.
sys.path.insert(0, str(_ROOT))
try:
    from temporal_static_libs._about import PROJECT_URL
    from temporal_static_libs._build.advice import no_wheel_selected
    from temporal_static_libs._build.header import check_interface
    from temporal_static_libs._build.lock import exclusive
    from temporal_static_libs._build.pipeline import build
    from temporal_static_libs._build.record import recording
    from temporal_static_libs._build.source_tree import (
        PROTOS,
        Sources,
        output_of_tree,
        source_commit,
        sources_of_tree,
    )
    from temporal_static_libs._build.toolchain import (
        BOOTSTRAP_REQUIREMENT,
        NoToolchainError,
        check_platform,
    )
    from temporal_static_libs._errors import CompileError, TemporalStaticLibsError
    from temporal_static_libs._messages import describe_os_error
    from temporal_static_libs._settings import Settings
finally:
    sys.path.remove(str(_ROOT))

# The text and target of a link or an image, unless the target is a URL or a heading.
_RELATIVE = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#|/)(?P<target>[^)\s]+)\)")


def long_description(readme: str) -> str:
    """Return README.md for the package index, which does not have the files that it links to.

    Args:
        readme: Markdown, whose relative targets become URLs of the project.
    """

    def absolute(link: re.Match[str]) -> str:
        view = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['text']}]({PROJECT_URL}/{view}/main/{link['target']})"

    return _RELATIVE.sub(absolute, readme)


class TemporalStaticLibsMetadataHook(MetadataHookInterface):
    """The hook of the project's metadata in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the dynamic field: the readme."""
        text = (_ROOT / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": long_description(text)}


class TemporalStaticLibsBuildHook(BuildHookInterface[Any]):
    """The hook of both targets in pyproject.toml, wheel and sdist."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until_collected = ExitStack()

    def dependencies(self) -> list[str]:
        """Return a wheel's build requirements in addition to Hatchling."""
        if self.target_name != "wheel":
            return []
        try:
            return [BOOTSTRAP_REQUIREMENT] if Settings.from_environ().bootstrap_rust else []
        except TemporalStaticLibsError as error:
            self._abort(error)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Prepare the target's files before Hatchling collects them."""
        sources = sources_of_tree(_ROOT)
        place = Path()
        if self.target_name == "wheel":
            self._compile(sources, build_data)
            # For the compile fallback, whose sources are in the wheel; see pyproject.toml.
            place = Path(sources.package.name)
        commit = source_commit(sources)
        if commit is not None:
            directory = self._until_collected.enter_context(tempfile.TemporaryDirectory())
            record = Path(directory, sources.recorded_commit.name)
            record.write_text(f"{commit}\n", encoding="ascii")
            build_data["force_include"][str(record)] = (place / record.name).as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Release the lock and remove temporary files after Hatchling has collected the files."""
        self._until_collected.close()

    def _compile(self, sources: Sources, build_data: dict[str, Any]) -> None:
        output = output_of_tree(_ROOT)
        try:
            settings = Settings.from_environ()
            with recording(settings) as recorder:
                check_platform(sources.workspace, settings)
                check_interface(sources.interface, sources.header)
                # Other builds must not replace the archives before they are in the wheel.
                lock = self._until_collected.enter_context(exclusive(_ROOT))
                tag = build(sources, output, settings, recorder, lock=lock)
        except TemporalStaticLibsError as error:
            self._abort(error)
        except OSError as error:
            self._abort(CompileError(describe_os_error(error)))
        # Git ignores generated files, and so does Hatchling unless they are listed here.
        for made in (output.directory, sources.package / PROTOS):
            build_data["artifacts"].append(f"/{made.relative_to(_ROOT).as_posix()}/*")
        build_data["tag"] = f"py3-none-{tag}"
        build_data["pure_python"] = False

    def _abort(self, error: TemporalStaticLibsError) -> NoReturn:
        problem = str(error)
        if isinstance(error, NoToolchainError):
            problem += f"\n\n{no_wheel_selected(error.minimum)}"
        # Raising it would print a traceback through pip and Hatchling above the message.
        self.app.display_error(problem)
        sys.exit(1)
