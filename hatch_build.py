"""Hatchling's hooks: a wheel gets its archives compiled, each distribution its commit recorded.

The work is in temporal_static_libs/_build/; here is what concerns Hatchling, and the advice for
whoever reads that a build failed.
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

# A build frontend does not put the source tree on the path; no other copy must be found instead.
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

# The text and target of a link or an image, unless that is a URL or a heading already.
_RELATIVE = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#|/)(?P<target>[^)\s]+)\)")


def long_description(readme: str) -> str:
    """Return README.md as the package index shows it, where the files beside it are not.

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
        """Fill in what is dynamic: the readme."""
        text = (_ROOT / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": long_description(text)}


class TemporalStaticLibsBuildHook(BuildHookInterface[Any]):
    """The hook of both targets in pyproject.toml, wheel and sdist."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until_collected = ExitStack()

    def dependencies(self) -> list[str]:
        """Return what a wheel's build needs in addition to Hatchling."""
        if self.target_name != "wheel":
            return []
        try:
            return [BOOTSTRAP_REQUIREMENT] if Settings.from_environ().bootstrap_rust else []
        except TemporalStaticLibsError as error:
            self._abort(error)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do the target's part before Hatchling collects the files."""
        sources = sources_of_tree(_ROOT)
        place = Path()
        if self.target_name == "wheel":
            self._compile(sources, build_data)
            # For the compile fallback, whose sources the wheel carries; see pyproject.toml.
            place = Path(sources.package.name)
        commit = source_commit(sources)
        if commit is not None:
            directory = self._until_collected.enter_context(tempfile.TemporaryDirectory())
            record = Path(directory, sources.recorded_commit.name)
            record.write_text(f"{commit}\n", encoding="ascii")
            build_data["force_include"][str(record)] = (place / record.name).as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Let go of what had to stay until Hatchling had collected the files."""
        self._until_collected.close()

    def _compile(self, sources: Sources, build_data: dict[str, Any]) -> None:
        output = output_of_tree(_ROOT)
        try:
            settings = Settings.from_environ()
            with recording(settings) as recorder:
                check_platform(sources.workspace, settings)
                check_interface(sources.interface, sources.header)
                # Another build must not replace the archives before they are in the wheel.
                lock = self._until_collected.enter_context(exclusive(_ROOT))
                tag = build(sources, output, settings, recorder, lock=lock)
        except TemporalStaticLibsError as error:
            self._abort(error)
        except OSError as error:
            self._abort(CompileError(describe_os_error(error)))
        # Git ignores what is made, and Hatchling with it, unless it is named here.
        for made in (output.directory, sources.package / PROTOS):
            build_data["artifacts"].append(f"/{made.relative_to(_ROOT).as_posix()}/*")
        build_data["tag"] = f"py3-none-{tag}"
        build_data["pure_python"] = False

    def _abort(self, error: TemporalStaticLibsError) -> NoReturn:
        problem = str(error)
        if isinstance(error, NoToolchainError):
            problem += f"\n\n{no_wheel_selected(error.minimum)}"
        # Not by raising it: the message would stand below a traceback through pip and Hatchling.
        self.app.display_error(problem)
        sys.exit(1)
