"""`temporal-libs-config --doctor`: which archives are active, why, and whether they are intact.

It changes nothing, and compiles no archives.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._about import __version__
from .._build.archive_index import defined_symbols
from .._build.fallback import NotReusableError
from .._build.header import Header, read_header
from .._checksums import sha256_of
from .._console import encoded
from .._errors import CompileError, TemporalStaticLibsError
from .._library_set import (
    HEADER,
    LoadedSet,
    include_dir,
    proto_dir,
    wheel_set,
    wheel_toolchains,
)
from .._messages import message
from .._ownership import mode, writers
from .._receipts import can_remember, has_receipts, memory_directory
from .._settings import Settings
from .._sources import choose, inspect
from .._targets import target_of_triple
from .._verify import RecordedFile, guarded_paths, verify_directory, verify_files
from .machine import floor_finding, tool_findings
from .script import script_finding

# The symbol that ties a program to archives of its header's version and ABI. In Mach-O, it begins
# with an underscore.
_TIE = re.compile(r"_?(temporal_static_libs_\w+_abi_\w+)")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        is_well: whether there is no problem.
        subject: what was checked.
        text: the result, on one line.
    """

    is_well: bool
    subject: str
    text: str

    def __str__(self) -> str:
        # A path can contain line breaks.
        text = self.text.replace("\n", r"\n").replace("\r", r"\r")
        return f"{'ok' if self.is_well else 'broken':<8}{self.subject}: {text}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, as Python objects."""
        text = encoded(self.text).decode("utf-8", errors="backslashreplace")
        return {"ok": self.is_well, "subject": self.subject, "finding": text}


def examine(settings: Settings) -> Iterator[Finding]:
    """Check the selection of the archives, and the archives.

    Args:
        settings: usually `Settings.from_environ()`.
    """
    yield Finding(True, "package", f"temporal-static-libs {__version__}")
    choice = choose(settings, _hashed_wheel)
    wheels_problem = choice.wheels_problem
    if wheels_problem is not None:
        yield _broken("the wheel's own archives", wheels_problem)
    yield Finding(True, "active", f"{choice.source}, because {choice.why}")
    try:
        loaded = inspect(settings, choice)
    except NotReusableError as error:
        yield _broken("archives", message("not-compiled", reason=error))
    except TemporalStaticLibsError as error:
        yield _broken("archives", error)
    else:
        yield from _check_set(loaded, include_dir(settings) / HEADER.name)
        if loaded.origin.source == "wheel":
            yield from _check_other_toolchains()
    yield _check_protos()
    yield _check_receipts(settings)
    script = script_finding()
    if script is not None:
        yield Finding(script[0], "command", _on_one_line(script[1]))
    for tool in tool_findings(settings.environ):
        yield Finding(True, "tool", tool)


def _check_protos() -> Finding:
    try:
        return Finding(True, "protobuf files", str(proto_dir()))
    except TemporalStaticLibsError as error:
        return _broken("protobuf files", error)


def _check_receipts(settings: Settings) -> Finding:
    if settings.verify_always:
        text = "the archives are hashed on every call: TEMPORAL_LIBS_VERIFY is set to always"
        return Finding(True, "memory", text)
    if not has_receipts():
        text = "the archives are hashed on every call, because there are no receipts on Windows"
        return Finding(True, "memory", text)
    try:
        memory = memory_directory(settings)
        text = f"results of verification are cached in {memory}"
        if not can_remember(settings):
            text = (
                f"results of verification are not cached, because you cannot write to {memory}; "
                "to cache them, set TEMPORAL_LIBS_CACHE_DIR to a directory that you own"
            )
    except CompileError as error:
        # Not a problem: answers are only slower.
        text = f"results of verification are not cached: {_on_one_line(error)}"
    return Finding(True, "memory", text)


def _hashed_wheel() -> LoadedSet:
    loaded = wheel_set()
    target_of_triple(loaded.manifest.target)
    loaded.compare()
    return loaded


def _check_set(loaded: LoadedSet, header_file: Path) -> Iterator[Finding]:
    manifest = loaded.manifest
    yield Finding(True, "version", manifest.version)
    yield _check_directory(loaded)
    yield from _note_writers(loaded)
    try:
        target_of_triple(manifest.target)
    except TemporalStaticLibsError as error:
        yield _broken("target", error)
    else:
        yield Finding(True, "target", f"{manifest.target} ({manifest.platform})")
        is_well, text = floor_finding(manifest)
        yield Finding(is_well, "floor", text)
    for file in loaded.files:
        yield _check_file(loaded, file)
    try:
        header, header_sha256 = read_header(header_file), sha256_of(header_file)
    except (TemporalStaticLibsError, OSError) as error:
        yield _broken("header", error)
        return
    yield _check_header(loaded, header_sha256)
    yield _check_abi(loaded, header)


def _check_other_toolchains() -> Iterator[Finding]:
    """Check the archives for other toolchains than the default in a wheel for Windows."""
    for toolchain in wheel_toolchains()[1:]:
        try:
            loaded = wheel_set(toolchain)
        except TemporalStaticLibsError as error:
            yield _broken(f"archives for {toolchain}", error)
        else:
            yield from _check_set(loaded, HEADER)


def _check_directory(loaded: LoadedSet) -> Finding:
    try:
        verify_directory(loaded.directory, loaded.files, loaded.origin, loaded.trusted)
    except TemporalStaticLibsError as error:
        return _broken("directory", error)
    return Finding(True, "directory", str(loaded.directory))


def _note_writers(loaded: LoadedSet) -> Iterator[Finding]:
    """Report permissions that are accepted, but matter on a machine with other users."""
    writable: dict[str, list[str]] = {"group": [], "unknown": []}
    for path in (*guarded_paths(loaded.directory), *(file.path for file in loaded.files)):
        try:
            status = os.stat(path)
        except OSError:
            continue  # which is reported elsewhere
        who = writers(path, status)
        if who in writable:
            writable[who].append(f"{path} ({mode(status)})")
    if writable["group"]:
        text = f"the group can write to {', '.join(writable['group'])}; its members are trusted"
        yield Finding(True, "permissions", text)
    if writable["unknown"]:
        text = (
            "the file system has no modes, so all users who can write there are trusted: "
            f"{', '.join(writable['unknown'])}"
        )
        yield Finding(True, "permissions", text)


def _check_file(loaded: LoadedSet, file: RecordedFile) -> Finding:
    try:
        verify_files([file], loaded.origin, loaded.trusted)
    except TemporalStaticLibsError as error:
        return _broken("archive", error)
    return Finding(True, "archive", f"{file.path.name}, SHA-256 {file.sha256} as recorded")


def _check_header(loaded: LoadedSet, sha256: str) -> Finding:
    text = f"{HEADER.name}, SHA-256 {sha256}"
    if sha256 == loaded.manifest.header_sha256:
        return Finding(True, "header", f"{text} as recorded")
    recorded = loaded.manifest.header_sha256
    text = message("other-header", name=HEADER.name, actual=sha256, recorded=recorded)
    # Archives from elsewhere may have another header; the check of the ABI shows whether it fits.
    return Finding(loaded.origin.source == "override", "header", text)


def _check_abi(loaded: LoadedSet, header: Header) -> Finding:
    others = [] if loaded.manifest.abi == header.abi else [f"manifest {loaded.manifest.abi}"]
    # The symbols in the archives are more reliable than the manifest.
    wanted = {name for name in header.own_symbols if _TIE.fullmatch(name)}
    for library in loaded.manifest.libraries:
        archive = loaded.archive(library)
        ties = _ties(archive)
        if ties is not None and not wanted <= ties:
            others.append(f"{archive.name} {', '.join(sorted(ties)) or 'none'}")
    if others:
        text = message("other-abi", abi=header.abi, others="; ".join(others))
        return Finding(False, "ABI", text)
    return Finding(True, "ABI", f"the header and the archives have {header.abi}")


def _ties(archive: Path) -> set[str] | None:
    """Return the names of these symbols; None if the archive cannot be read, reported elsewhere."""
    try:
        symbols = defined_symbols(archive)
    except (OSError, ValueError):
        return None
    return {match[1] for match in map(_TIE.fullmatch, symbols) if match}


def _broken(subject: str, problem: object) -> Finding:
    return Finding(False, subject, _on_one_line(problem))


def _on_one_line(problem: object) -> str:
    lines = (re.sub(r"^(\w+:) +", r"\1 ", line.strip()) for line in str(problem).splitlines())
    return "; ".join(lines)
