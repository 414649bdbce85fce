"""Runs of cargo: what it says of the workspace, and the raw archive that it makes.

Its progress goes to stderr as it comes. What fails is a `CompileError`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._console import notice, stderr_of_programs
from .._errors import CompileError
from .._messages import message
from .._records import parse_json
from .._targets import target_of_triple
from .advice import unexpected
from .crate_list import crate_list
from .cross import CargoForTarget
from .process import output, running
from .toolchain import Toolchain

# The package whose archive holds the whole interface; the components are made of it.
_CRATE = "temporal-static-libs-sdk-core"
_LIBRARY = "temporal_sdk_core"

_NATIVE_LIBS_NOTE = "native-static-libs:"
_NATIVE_LIBS_PREAMBLE = "link against the following native artifacts"
_FLAG_SEPARATOR = "\x1f"  # of CARGO_ENCODED_RUSTFLAGS


@dataclass(frozen=True)
class Compiled:
    """An archive as cargo left it.

    Attributes:
        archive: its path in cargo's target directory.
        system_libraries: link names from rustc's native-static-libs, in its order.
        frameworks: Apple frameworks from the same, in its order.
        features: crate name to features, for Temporal's crates and this project's.
        crates: the crates in it, in the form of `crate_list`.
    """

    archive: Path
    system_libraries: tuple[str, ...]
    frameworks: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]
    crates: bytes


def cargo_metadata(workspace: Path, toolchain: Toolchain, cargo: CargoForTarget) -> dict[str, Any]:
    """Run ``cargo metadata``, which fetches what is not there."""
    command = [toolchain.cargo, "metadata", "--locked", "--format-version", "1"]
    environ = {**toolchain.environ, **cargo.environ}
    with running(
        command, environ, workspace, lock=toolchain.lock, stderr=stderr_of_programs()
    ) as process:
        printed = output(process).read()
    where = {"command": " ".join(command), "directory": workspace}
    if process.returncode != 0:
        raise CompileError(message("cargo-metadata-failed", status=process.returncode, **where))
    try:
        metadata = parse_json(printed.decode("utf-8"))
        _check_metadata(metadata)
    except (ValueError, TypeError, KeyError):
        raise CompileError(message("cargo-metadata-unreadable", **where)) from None
    return dict(metadata)


def _check_metadata(metadata: Any) -> None:
    """Check that cargo has said what is needed of its metadata.

    Raises:
        KeyError or TypeError: it has not.
    """
    for name in ("workspace_root", "target_directory"):
        os.fspath(metadata[name])
    for package in metadata["packages"]:
        os.fspath(package["name"])
        os.fspath(package["manifest_path"])
        _ = package["source"], package["version"]
    _ = metadata["resolve"]["nodes"]


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
    """Compile the archive of the whole interface.

    `target_directory` is cargo's, where its settings, variables or files, name none. If
    `neutral_paths` is true, paths of this machine are kept out of the archive. `take_unit` gets for
    each unit, as it comes, whether it had been compiled before.
    """
    command = [cargo.program, "rustc", "--locked", "--package", _CRATE]
    # The host's triple is named too: only then do build scripts not get the archive's flags, which
    # would have everything they need compiled once more for `make lint`.
    command += ["--profile", profile, "--target", cargo.triple, "--message-format", "json"]
    environ = {**toolchain.environ, **cargo.environ}
    metadata = cargo_metadata(workspace, toolchain, cargo)
    default_directory = os.path.join(metadata["workspace_root"], "target")
    if target_directory is not None and metadata["target_directory"] == default_directory:
        # The workspace may be read-only.
        metadata["target_directory"] = environ["CARGO_TARGET_DIR"] = str(target_directory)
    flags = [*cargo.target.rust_flags]
    if neutral_paths:
        replacements = list(_neutral_paths(metadata, toolchain))
        flags += [f"--remap-path-prefix={path}={neutral}" for path, neutral in replacements]
        _map_paths_of_c(environ, cargo.target.triple, replacements)
    command += [*cargo.options, *_rust_flag_options(flags, environ)]
    command += ["--", "--print", "native-static-libs"]
    facts = _Facts()
    with running(
        command, environ, workspace, lock=toolchain.lock, stderr=stderr_of_programs()
    ) as process:
        for line in output(process):
            text = line.decode("utf-8", errors="replace")
            # Whatever a wrapper of rustc prints comes here as well.
            is_taken, is_fresh = facts.take(text)
            if not is_taken:
                notice(text, end="")
            elif take_unit is not None and is_fresh is not None:
                take_unit(is_fresh)
    if process.returncode != 0:
        where = {"command": " ".join(command), "directory": workspace}
        raise CompileError(message("cargo-build-failed", status=process.returncode, **where))
    return facts.compiled(metadata, cargo.target.triple)


def _rust_flag_options(flags: Sequence[str], environ: dict[str, str]) -> list[str]:
    """Return options with which cargo passes flags to rustc, or add them to the environment.

    Flags for rustc that the environment holds stay; those of a Cargo configuration file for a
    certain target take the place of these.
    """
    if not flags:
        return []
    encoded = environ.get("CARGO_ENCODED_RUSTFLAGS")
    given = encoded.split(_FLAG_SEPARATOR) if encoded else environ.get("RUSTFLAGS", "").split()
    if given:
        environ["CARGO_ENCODED_RUSTFLAGS"] = _FLAG_SEPARATOR.join([*given, *flags])
        return []
    return ["--config", f"build.rustflags={json.dumps(list(flags))}"]


def _map_paths_of_c(
    environ: dict[str, str], triple: str, replacements: Sequence[tuple[str, str]]
) -> None:
    """Have C compilers write neutral paths into line tables, too.

    The variables are those of the crate cc, the most specific one first. They are split at spaces,
    so a path with a space stays as it is.
    """
    own = f"CFLAGS_{triple.replace('-', '_')}"
    names = (f"CFLAGS_{triple}", own, "TARGET_CFLAGS", "CFLAGS")
    name = next((name for name in names if environ.get(name)), own)
    flags = [
        f"-fdebug-prefix-map={path}={neutral}"
        for path, neutral in replacements
        if not any(character.isspace() for character in path)
    ]
    environ[name] = " ".join([environ.get(name, ""), *flags]).strip()


def _neutral_paths(metadata: Mapping[str, Any], toolchain: Toolchain) -> Iterator[tuple[str, str]]:
    """Yield paths of this machine, and what is written into panic messages and line tables instead.

    Where several paths match, the last one counts.
    """
    # Messages name the workspace's own sources relative to it; line tables say where that is.
    workspace = metadata["workspace_root"]
    # A registry's cache, or a vendored copy of it.
    sources = {
        str(Path(package["manifest_path"]).parent.parent)
        for package in metadata["packages"]
        if package["source"] is not None
    }
    yield workspace, "/temporal-static-libs/rust"
    for directory in sorted(sources):
        yield directory, "/cargo/src"
    yield metadata["target_directory"], "/cargo/target"
    # rustc undoes its own neutral paths where it finds the standard library's sources.
    library = f"{toolchain.sysroot}/lib/rustlib/src/rust"
    yield library, f"/rustc/{toolchain.rustc_commit}"


@dataclass(frozen=True)
class _Artifact:
    """A unit that cargo has made, or found made.

    Attributes:
        kinds: what the target is.
        files: what came of it.
        package: the package's id.
        features: those of the package.
        is_fresh: whether it had been compiled before.
    """

    kinds: frozenset[str]
    files: tuple[str, ...]
    package: str
    features: tuple[str, ...]
    is_fresh: bool


class _Facts:
    """The facts that one run of cargo has printed so far."""

    def __init__(self) -> None:
        self._native_libs: str | None = None
        self._artifacts: list[_Artifact] = []

    def take(self, line: str) -> tuple[bool, bool | None]:
        """Take a line, if it is one of cargo's messages.

        Returns:
            Whether it is; and of a unit, whether that had been compiled before.
        """
        if not line.startswith("{"):
            return False, None
        try:
            entry = parse_json(line)
            reason = entry["reason"]
            if reason == "compiler-artifact":
                artifact = _artifact(entry)
                self._artifacts.append(artifact)
                return True, artifact.is_fresh
            if reason == "compiler-message":
                self._take_diagnostic(entry["message"])
        except (ValueError, TypeError, KeyError):
            return False, None
        return True, None

    def _take_diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        text = diagnostic["message"]
        if not isinstance(text, str):
            raise TypeError
        if text.startswith(_NATIVE_LIBS_NOTE):
            self._native_libs = text.removeprefix(_NATIVE_LIBS_NOTE)
        elif not text.startswith(_NATIVE_LIBS_PREAMBLE):
            # For a person: it is part of cargo's progress.
            notice(diagnostic["rendered"] or text, end="")

    def compiled(self, metadata: Mapping[str, Any], triple: str) -> Compiled:
        """Return the archive; `metadata` is what cargo says of the workspace."""
        names = {package["id"]: package["name"] for package in metadata["packages"]}
        made = [Path(name) for artifact in self._artifacts for name in artifact.files]
        name = target_of_triple(triple).archive_name(_LIBRARY)
        archives = [file for file in made if file.name == name]
        if len(archives) != 1:
            raise unexpected(message("archive-ambiguous", count=len(archives)))
        if self._native_libs is None:
            raise unexpected(message("native-libraries-missing"))
        system_libraries, frameworks = parse_native_libs(self._native_libs)
        found = {
            names[artifact.package]: artifact.features
            for artifact in self._artifacts
            # The standard library's packages, which may be compiled too, are not the workspace's.
            if artifact.package in names and "custom-build" not in artifact.kinds
        }
        features = {name: found[name] for name in sorted(found) if name.startswith("temporal")}
        compiled = {artifact.package for artifact in self._artifacts}
        # Cargo keeps what it compiles for a target in a directory of the target's name.
        place = os.path.join(metadata["target_directory"], triple, "")
        linked = {
            artifact.package
            for artifact in self._artifacts
            if any(file.startswith(place) for file in artifact.files)
        }
        (root,) = (one.package for one in self._artifacts if str(archives[0]) in one.files)
        crates = crate_list(metadata, root, compiled, linked)
        return Compiled(archives[0], system_libraries, frameworks, features, crates)


def _artifact(entry: Mapping[str, Any]) -> _Artifact:
    """Read a message about a unit. What is not one is a KeyError or a TypeError."""
    return _Artifact(
        kinds=frozenset(entry["target"]["kind"]),
        files=tuple(map(os.fspath, entry["filenames"])),
        package=os.fspath(entry["package_id"]),
        features=tuple(map(os.fspath, entry["features"])),
        is_fresh=bool(entry["fresh"]),
    )


def parse_native_libs(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read what rustc prints after ``native-static-libs:``, as ``-framework Security -liconv``.

    For MSVC that is ``ntdll.lib``, and the C runtime, which each object of a C compiler asks for.

    Returns:
        The link names of the libraries, and the names of the frameworks, each in order and with
        rustc's repetitions, which can matter to a linker.
    """
    libraries: list[str] = []
    frameworks: list[str] = []
    words = iter(line.split())
    for word in words:
        if word == "-framework":
            frameworks.append(next(words, ""))
        elif word.startswith("-l"):
            libraries.append(word.removeprefix("-l"))
        elif word.endswith(".lib"):
            libraries.append(word.removesuffix(".lib"))
        elif word != "/defaultlib:msvcrt":
            raise unexpected(message("native-library-unknown", word=word))
    return tuple(libraries), tuple(frameworks)
