"""One run of cargo: the workspace in, the raw archive and what rustc says of it out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._console import notice, stderr_of_programs
from .._targets import Target
from .advice import unexpected
from .cross import CargoForTarget
from .metadata import cargo_metadata, failure_of_cargo, with_target_directory
from .rust_flags import neutral_path_flags, with_rust_flags
from .toolchain import Toolchain

# The package whose archive holds the whole interface; the components are made of it.
_CRATE = "temporal-static-libs-sdk-core"
_LIBRARY = "temporal_sdk_core"

_NATIVE_LIBS_NOTE = "native-static-libs:"
_NATIVE_LIBS_PREAMBLE = "link against the following native artifacts"


@dataclass(frozen=True)
class Compiled:
    """An archive as cargo left it.

    Attributes:
        archive: its path in cargo's target directory.
        system_libraries: link names from rustc's native-static-libs, in its order.
        frameworks: Apple frameworks from the same, in its order.
        features: crate name to features, for Temporal's crates and this project's.
    """

    archive: Path
    system_libraries: tuple[str, ...]
    frameworks: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]


def compile_archive(
    workspace: Path,
    toolchain: Toolchain,
    cargo: CargoForTarget,
    profile: str,
    *,
    target_directory: Path | None = None,
    neutral_paths: bool = True,
    take_unit: Callable[[bool], None] | None = None,
) -> Compiled:
    """Compile the archive of the whole interface. Cargo's progress goes to stderr as it comes.

    Args:
        workspace: the directory of the Cargo workspace.
        toolchain: what to compile with.
        cargo: how to have it compile for the target.
        profile: the Cargo profile.
        target_directory: cargo's, where its own settings name none.
        neutral_paths: whether to keep paths of this machine out of the archive.
        take_unit: is told of each unit, as it comes, whether it had been compiled before.

    Raises:
        CompileError: cargo failed, or did not say what it has to.
    """
    command = [cargo.program, "rustc", "--locked", "--package", _CRATE]
    # The host's triple is named too: only then do build scripts not get the archive's flags, which
    # would have everything they need compiled once more for `make lint`.
    command += ["--profile", profile, "--target", cargo.triple, "--message-format", "json"]
    environ = {**toolchain.environ, **cargo.environ}
    metadata = cargo_metadata(workspace, toolchain, environ)
    if target_directory is not None:
        metadata, environ = with_target_directory(metadata, environ, target_directory)
    flags = [*cargo.target.rust_flags]
    if neutral_paths:
        flags += neutral_path_flags(metadata, toolchain)
    options, environ = with_rust_flags(flags, environ)
    command += [*cargo.options, *options, "--", "--print", "native-static-libs"]
    with subprocess.Popen(
        command,
        cwd=workspace,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=stderr_of_programs(),
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        report = _Report()
        for message in _messages(process.stdout):
            report.take(message)
            if take_unit is not None and message["reason"] == "compiler-artifact":
                take_unit(message["fresh"])
    if process.returncode != 0:
        problem = f"could not compile {_CRATE}"
        raise failure_of_cargo(problem, command, workspace, process.returncode)
    return report.compiled(cargo.target)


def _messages(stdout: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in stdout:
        # Whatever a wrapper of rustc prints comes here as well.
        if line.startswith("{"):
            yield json.loads(line)
        else:
            notice(line, end="")


class _Report:
    """What one run's messages have said so far."""

    def __init__(self) -> None:
        self._native_libs: str | None = None
        self._artifacts: list[dict[str, Any]] = []

    def take(self, message: dict[str, Any]) -> None:
        if message["reason"] == "compiler-artifact":
            self._artifacts.append(message)
        elif message["reason"] == "compiler-message":
            self._take_diagnostic(message["message"])

    def _take_diagnostic(self, diagnostic: dict[str, Any]) -> None:
        text: str = diagnostic["message"]
        if text.startswith(_NATIVE_LIBS_NOTE):
            self._native_libs = text.removeprefix(_NATIVE_LIBS_NOTE)
        elif not text.startswith(_NATIVE_LIBS_PREAMBLE):
            # For a person: it is part of cargo's progress.
            notice(diagnostic["rendered"] or text, end="")

    def compiled(self, target: Target) -> Compiled:
        archives = [
            Path(name)
            for artifact in self._artifacts
            if artifact["target"]["name"] == _LIBRARY
            for name in artifact["filenames"]
            if os.path.basename(name) == target.archive_name.format(_LIBRARY)
        ]
        if len(archives) != 1:
            raise unexpected(f"cargo named {len(archives)} archives of {_CRATE}, not 1")
        if self._native_libs is None:
            raise unexpected(f"rustc named no native libraries of {_CRATE}")
        system_libraries, frameworks = parse_native_libs(self._native_libs)
        return Compiled(archives[0], system_libraries, frameworks, self._features())

    def _features(self) -> dict[str, tuple[str, ...]]:
        found = {
            package_name(artifact["package_id"]): tuple(artifact["features"])
            for artifact in self._artifacts
            if "custom-build" not in artifact["target"]["kind"]
        }
        return {name: found[name] for name in sorted(found) if name.startswith("temporal")}


def parse_native_libs(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read what rustc prints after ``native-static-libs:``.

    Args:
        line: for example ``-framework Security -liconv -lSystem``.

    Returns:
        The link names of the libraries, and the names of the frameworks, each in order and with
        rustc's repetitions, which can matter to a linker.

    Raises:
        CompileError: something else is among them.
    """
    libraries: list[str] = []
    frameworks: list[str] = []
    words = iter(line.split())
    for word in words:
        if word == "-framework":
            frameworks.append(next(words, ""))
        elif word.startswith("-l"):
            libraries.append(word.removeprefix("-l"))
        else:
            raise unexpected(f"rustc asks for {word!r} in a link, which no manifest can say")
    return tuple(libraries), tuple(frameworks)


def package_name(package_id: str) -> str:
    """The package's name in a package id of cargo's messages.

    The two forms are ``URL#name@version`` and, where the URL ends in the name, ``URL#version``.
    """
    url, _, fragment = package_id.partition("#")
    name, at, _ = fragment.partition("@")
    return name if at else url.rstrip("/").rpartition("/")[2]
