"""`temporal-libs-config --doctor`: which archives are in force, why, and whether all is well.

It looks, and changes nothing: archives that would have to be compiled are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._archives import HEADER, InForce, proto_dir, wheel_set
from ._build.header import Header, read_header
from ._build.symbols import defined_symbols
from ._checksums import sha256_of
from ._compiled import NotReusableError
from ._errors import CompileError, TemporalStaticLibsError
from ._memory import memory_directory
from ._settings import Settings
from ._sources import choose, inspect
from ._surroundings import floor_finding, tool_findings
from ._targets import target_of_triple
from ._verify import RecordedFile, verify_files
from ._version import __version__

# The symbol that ties a program to archives of its header's version and ABI. Mach-O has an
# underscore before it.
_TIE = re.compile(r"_?(temporal_static_libs_\w+_abi_\w+)")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        is_well: whether it is as it should be.
        subject: what was looked at.
        text: what was found, on one line.
    """

    is_well: bool
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.is_well else 'broken':<8}{self.subject}: {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, as Python objects."""
        return {"ok": self.is_well, "subject": self.subject, "finding": self.text}


def examine(settings: Settings) -> list[Finding]:
    """Look at all that decides which archives are in force, and at those.

    Args:
        settings: usually `Settings.from_environ()`.
    """
    return list(_findings(settings))


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(True, "package", f"temporal-static-libs {__version__}")
    choice = choose(settings, _hashed_wheel)
    if choice.wheels_problem is not None:
        yield _broken("the wheel's own archives", choice.wheels_problem)
    yield Finding(True, "in force", f"{choice.source}, because {choice.why}")
    try:
        in_force = inspect(settings, choice)
    except NotReusableError as error:
        yield _broken("archives", f"{error}; what needs them compiles them")
    except TemporalStaticLibsError as error:
        yield _broken("archives", error)
    else:
        yield from _of_set(in_force)
    yield _of_protos()
    yield _of_memory(settings)
    for tool in tool_findings(settings.environ):
        yield Finding(True, "tool", tool)


def _of_protos() -> Finding:
    try:
        return Finding(True, "protobuf files", str(proto_dir()))
    except TemporalStaticLibsError as error:
        return _broken("protobuf files", error)


def _of_memory(settings: Settings) -> Finding:
    try:
        text = f"that archives have been verified is remembered in {memory_directory(settings)}"
    except CompileError as error:
        # Slower, and no less right.
        text = f"that archives have been verified is not remembered: {_on_one_line(error)}"
    return Finding(True, "memory", text)


def _hashed_wheel() -> InForce:
    in_force = wheel_set()
    target_of_triple(in_force.manifest.target)
    verify_files(in_force.files, in_force.origin, in_force.trusted)
    return in_force


def _of_set(in_force: InForce) -> Iterator[Finding]:
    manifest = in_force.manifest
    yield Finding(True, "version", manifest.version)
    yield Finding(True, "directory", str(in_force.directory))
    try:
        target_of_triple(manifest.target)
    except TemporalStaticLibsError as error:
        yield _broken("target", error)
    else:
        yield Finding(True, "target", f"{manifest.target} ({manifest.platform})")
        is_well, text = floor_finding(manifest)
        yield Finding(is_well, "floor", text)
    for file in in_force.files:
        yield _of_file(in_force, file)
    try:
        header, header_sha256 = read_header(HEADER), sha256_of(HEADER)
    except (TemporalStaticLibsError, OSError) as error:
        yield _broken("header", error)
        return
    yield _of_header(in_force, header_sha256)
    yield _of_abi(in_force, header)


def _of_file(in_force: InForce, file: RecordedFile) -> Finding:
    try:
        verify_files([file], in_force.origin, in_force.trusted)
    except TemporalStaticLibsError as error:
        return _broken("archive", error)
    return Finding(True, "archive", f"{file.path.name}, SHA-256 {file.sha256} as recorded")


def _of_header(in_force: InForce, sha256: str) -> Finding:
    text = f"{HEADER.name}, SHA-256 {sha256}"
    if sha256 == in_force.manifest.header_sha256:
        return Finding(True, "header", f"{text} as recorded")
    # Of archives from elsewhere it need not be; whether it fits them, the ABI says.
    other = f"{in_force.manifest.header_sha256} was recorded"
    is_well = in_force.origin.source == "override"
    return Finding(is_well, "header", f"{text}, {other} with the archives")


def _of_abi(in_force: InForce, header: Header) -> Finding:
    text = f"the header has {header.abi}"
    others = [] if in_force.manifest.abi == header.abi else [f"manifest {in_force.manifest.abi}"]
    # The archives themselves know best.
    wanted = {name for name in header.own_symbols if _TIE.fullmatch(name)}
    for library in in_force.manifest.libraries:
        archive = in_force.archive(library)
        ties = _ties(archive)
        if ties is not None and not wanted <= ties:
            others.append(f"{archive.name} {', '.join(sorted(ties)) or 'none'}")
    if others:
        return Finding(False, "ABI", f"{text}, the archives another: {'; '.join(others)}")
    return Finding(True, "ABI", f"{text}, and so have the archives")


def _ties(archive: Path) -> set[str] | None:
    """The names; None if the archive cannot be read, which is said of it elsewhere."""
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
