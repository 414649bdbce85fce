"""Run cargo: read the workspace's metadata, and build the raw archive.

Cargo's progress goes to stderr immediately. Failures raise `CompileError`.
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

# The package whose archive contains the whole interface; the components are made from it.
_CRATE = "temporal-static-libs-sdk-core"
_LIBRARY = "temporal_sdk_core"

_NATIVE_LIBS_NOTE = "native-static-libs:"
_NATIVE_LIBS_PREAMBLE = "link against the following native artifacts"
_FLAG_SEPARATOR = "\x1f"  # in CARGO_ENCODED_RUSTFLAGS


@dataclass(frozen=True)
class Compiled:
    """The raw archive that cargo built.

    Attributes:
        archive: its path in cargo's target directory.
        system_libraries: link names from rustc's native-static-libs, in the same order.
        frameworks: Apple frameworks from native-static-libs, in the same order.
        features: crate name to features, for Temporal's crates and this project's.
        crates: the crates in it, in the format of `crate_list`.
    """

    archive: Path
    system_libraries: tuple[str, ...]
    frameworks: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]
    crates: bytes


def cargo_metadata(workspace: Path, toolchain: Toolchain, cargo: CargoForTarget) -> dict[str, Any]:
    """Run ``cargo metadata``, which downloads missing crates."""
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
    """Check that cargo's metadata has every field that is used.

    Raises:
        KeyError or TypeError: a field is missing or has another type.
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

    `target_directory` is used if cargo's settings (variables or files) set none. If
    `neutral_paths` is true, the archive contains no paths of this machine. `take_unit` is called
    for each unit as cargo reports it, with whether the unit had been compiled before.
    """
    command = [cargo.program, "rustc", "--locked", "--package", _CRATE]
    # Pass --target even for the host. Otherwise, build scripts would also get the archive's flags,
    # and `make lint` would compile all of their dependencies again.
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
        _map_c_paths(environ, cargo.target.triple, replacements)
    command += [*cargo.options, *_rust_flag_options(flags, environ)]
    command += ["--", "--print", "native-static-libs"]
    facts = _Facts()
    with running(
        command, environ, workspace, lock=toolchain.lock, stderr=stderr_of_programs()
    ) as process:
        for line in output(process):
            text = line.decode("utf-8", errors="replace")
            # Output of a wrapper of rustc also arrives here.
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
    """Return options that make cargo pass flags to rustc, or add the flags to the environment.

    Flags for rustc in the environment are kept. Flags that a Cargo configuration file sets for a
    specific target override these.
    """
    if not flags:
        return []
    encoded = environ.get("CARGO_ENCODED_RUSTFLAGS")
    given = encoded.split(_FLAG_SEPARATOR) if encoded else environ.get("RUSTFLAGS", "").split()
    if given:
        environ["CARGO_ENCODED_RUSTFLAGS"] = _FLAG_SEPARATOR.join([*given, *flags])
        return []
    return ["--config", f"build.rustflags={json.dumps(list(flags))}"]


def _map_c_paths(
    environ: dict[str, str], triple: str, replacements: Sequence[tuple[str, str]]
) -> None:
    """Make C compilers write neutral paths into line tables, too.

    The variables are those of the crate cc, the most specific one first. cc splits them at spaces,
    so a path that contains a space is not replaced.
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
    """Yield paths of this machine with their replacements in panic messages and line tables.

    If several paths match, rustc uses the last one.
    """
    # Messages have relative paths of the workspace's sources; line tables have its absolute path.
    workspace = metadata["workspace_root"]
    # The registry's cache, or a vendored copy.
    sources = {
        str(Path(package["manifest_path"]).parent.parent)
        for package in metadata["packages"]
        if package["source"] is not None
    }
    yield workspace, "/temporal-static-libs/rust"
    for directory in sorted(sources):
        yield directory, "/cargo/src"
    yield metadata["target_directory"], "/cargo/target"
    # If rustc finds the standard library's sources, it replaces its own neutral paths with theirs.
    library = f"{toolchain.sysroot}/lib/rustlib/src/rust"
    yield library, f"/rustc/{toolchain.rustc_commit}"


@dataclass(frozen=True)
class _Artifact:
    """A unit that cargo compiled or had compiled before.

    Attributes:
        kinds: the target's kinds.
        files: the output files.
        package: the package's ID.
        features: the package's features.
        is_fresh: whether it had been compiled before.
    """

    kinds: frozenset[str]
    files: tuple[str, ...]
    package: str
    features: tuple[str, ...]
    is_fresh: bool


class _Facts:
    """The facts that a run of cargo has printed so far."""

    def __init__(self) -> None:
        self._native_libs: str | None = None
        self._artifacts: list[_Artifact] = []

    def take(self, line: str) -> tuple[bool, bool | None]:
        """Process a line if it is one of cargo's messages.

        Returns:
            Whether it is one; for a unit, whether it had been compiled before, otherwise None.
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
            # For the user: it is part of cargo's progress.
            notice(diagnostic["rendered"] or text, end="")

    def compiled(self, metadata: Mapping[str, Any], triple: str) -> Compiled:
        """Return the archive; `metadata` is the output of ``cargo metadata``."""
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
            # Packages of the standard library may be compiled too, but are not in the workspace.
            if artifact.package in names and "custom-build" not in artifact.kinds
        }
        features = {name: found[name] for name in sorted(found) if name.startswith("temporal")}
        compiled = {artifact.package for artifact in self._artifacts}
        # Cargo's output for a target is in a directory named after the target.
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
    """Read a message about a unit; raise KeyError or TypeError if it is malformed."""
    return _Artifact(
        kinds=frozenset(entry["target"]["kind"]),
        files=tuple(map(os.fspath, entry["filenames"])),
        package=os.fspath(entry["package_id"]),
        features=tuple(map(os.fspath, entry["features"])),
        is_fresh=bool(entry["fresh"]),
    )


def parse_native_libs(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parse rustc's text after ``native-static-libs:``, such as ``-framework Security -liconv``.

    For MSVC, libraries look like ``ntdll.lib``. The C runtime is skipped, because every object of a
    C compiler requests it itself.

    Returns:
        The link names of the libraries and the names of the frameworks, each in order and with
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
