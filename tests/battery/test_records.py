"""Broken records: a message that names the file, using little time and memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation.bad_files import NO_FILES, Bad, replace_file, writes
from tests.support.installation.small import CHECKSUMS, MANIFEST, SDK_CORE, SOURCES, Installation

CODE = '${CMAKE_VERSION}]] )\nmessage(FATAL_ERROR "x")\n$ENV{HOME}";\\'


def facts(change: Callable[[Any], object]) -> Bad:
    """A manifest with changed facts."""

    def changed(content: bytes) -> bytes:
        manifest = json.loads(content)
        change(manifest)
        return json.dumps(manifest).encode()

    return writes(changed)


def of_library(**values: object) -> Bad:
    return facts(lambda manifest: manifest["libraries"][0].update(values))


def of_file(name: str, *, is_absolute: bool = False) -> Bad:
    """A manifest that names an existing, matching file elsewhere."""

    def put(file: Path, content: bytes) -> None:
        checksums = file.with_name(CHECKSUMS)
        there = Path(os.path.normpath(file.parent / name))
        there.write_bytes((file.parent / SDK_CORE).read_bytes())
        named = str(there) if is_absolute else name
        if checksums.exists():
            text = checksums.read_text(encoding="utf-8")
            checksums.write_text(text.replace(SDK_CORE, named), encoding="utf-8")
        of_library(file=named)(file, content)

    return put


def line_of_file(name: str, *, is_absolute: bool = False) -> Bad:
    """Checksums with an additional line for an existing, matching file elsewhere."""

    def put(file: Path, content: bytes) -> None:
        there = Path(os.path.normpath(file.parent / name))
        there.write_bytes(b"")
        named = os.fsencode(there) if is_absolute else name.encode()
        file.write_bytes(content + hashlib.sha256().hexdigest().encode() + b"  " + named + b"\n")

    return put


MANIFESTS: Mapping[str, Bad] = {
    **NO_FILES,
    "nested-100000-deep": writes(lambda content: b"[" * 100_000 + b"]" * 100_000),
    "objects-100000-deep": writes(lambda content: b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "not-utf-8": writes(lambda content: content.replace(b"linux", b"li\xffux")),
    "truncated": writes(lambda content: content[: len(content) // 2]),
    "empty": writes(lambda content: b""),
    "wrong-types": facts(lambda it: it.update(version=[], libraries={"a": 1}, floor="glibc")),
    "a-list": writes(lambda content: b"[" + content + b"]"),
    "huge-integer": writes(lambda content: content.replace(b'"size": ', b'"size": ' + b"9" * 6000)),
    "negative-size": of_library(size=-1),
    "unknown-component": of_library(component="nonsense"),
    "same-component-twice": facts(lambda it: it["libraries"].append(it["libraries"][0])),
    "nul-in-a-name": of_library(file="lib\0.a"),
    "file-above": of_file(f"../{SDK_CORE}"),
    "absolute-file": of_file(f"../{SDK_CORE}", is_absolute=True),
    "half-a-character": facts(lambda it: it.update(target="\ud800", abi="\udfff")),
    "code-in-a-library": of_library(system_libraries=[CODE]),
    "code-in-a-framework": of_library(frameworks=[CODE]),
    "code-in-a-file": of_library(file=CODE),
    "code-in-a-version": facts(lambda it: it.update(version=CODE)),
    "code-in-a-hash": of_library(sha256=CODE),
}
SHA = b"0" * 64
SUMS: Mapping[str, Bad] = {
    **NO_FILES,
    "not-utf-8": writes(lambda content: content.replace(b"libtemporal", b"lib\xff")),
    "truncated": writes(lambda content: content[:40]),
    "empty": writes(lambda content: b""),
    "blank-lines": writes(lambda content: b"\n" * 100),
    "nul-in-a-name": writes(lambda content: content.replace(b"libtemporal", b"lib\0")),
    "nul-bytes": writes(lambda content: bytes(1000)),
    "file-above": line_of_file("../above.a"),
    "absolute-file": line_of_file("../above.a", is_absolute=True),
    "fifo-in-a-line": writes(lambda content: content + SHA + b"  fifo.a\n"),
    "code-in-a-name": writes(lambda content: content + SHA + b"  " + CODE.encode() + b"\n"),
    "long-name": writes(lambda content: content + SHA + b"  " + b"n" * 5000 + b"\n"),
    "a-line-of-64-mb": writes(lambda content: content + b"0" * (64 << 20)),
    "same-file-twice": writes(lambda content: content + SHA + b"  " + SDK_CORE.encode() + b"\n"),
}
RECEIPTS: Mapping[str, Bad] = {
    **NO_FILES,
    "nul-in-a-name": writes(lambda content: content.replace(b"libtemporal", b"lib\0")),
    "nul-bytes": writes(lambda content: bytes(1000)),
    "not-utf-8": writes(lambda content: content.replace(b"libtemporal", b"lib\xff")),
    "truncated": writes(lambda content: content[: len(content) // 2]),
    "empty": writes(lambda content: b""),
    "first-line-alone": writes(lambda content: content.splitlines(keepends=True)[0]),
    "huge-integers": writes(lambda content: content.replace(b" ", b"9" * 6000 + b" ")),
    "large-integers": writes(lambda content: content.replace(b" ", b"9" * 60 + b" ")),
    "words-for-integers": writes(lambda content: content.replace(b"1", b"one")),
    "file-above": writes(lambda content: content.replace(b"libtemporal", b"../libtemporal")),
    "absolute-file": writes(lambda content: content.replace(b"libtemporal", b"/libtemporal")),
    "long-name": writes(lambda content: content.replace(b"libtemporal", b"n" * 5000)),
    "other-line-ends": writes(lambda content: content.replace(b"\n", b"\r\n")),
}
OF_A_VALUE = {
    *("negative-size", "unknown-component", "code-in-a-hash", "code-in-a-file", "nul-in-a-name"),
    *("same-file-twice", "long-name", "fifo-in-a-line", "file-above", "absolute-file"),
}
"""Cases in which a message may name the file or directory instead of the record."""
ASKED = ("--libs", "--json", "--cmakedir", "--pkgconfigdir", "--verify", "lib_dir")


def test_there_are_more_than_20_broken_manifests() -> None:
    assert len(MANIFESTS) >= 20


def see_that_it_is_refused(there: Installation, source: str, record: str, bad: str) -> None:
    """Check that all answers about libraries are refused and name the record, like the doctor."""
    machine = replace(there.machine(source), timeout=8)
    # The first call removes a broken compiled set.
    asked = ASKED[:1] if source == "compiled" else ASKED
    doctor, *outcomes = machine.ask(("--doctor",), *((each,) for each in asked))
    name = there.libraries(source).name if bad in OF_A_VALUE else record
    broken = [line for line in doctor.ended().stdout.split(b"\n") if line.startswith(b"broken")]
    assert doctor.status == 1
    assert any(name.encode() in line for line in broken), doctor.stdout
    for outcome in outcomes:
        outcome.refused(name)


@pytest.mark.parametrize("bad", MANIFESTS)
@pytest.mark.parametrize("source", SOURCES)
def test_broken_manifest_is_named(reset: Installation, source: str, bad: str) -> None:
    replace_file(reset.libraries(source) / MANIFEST, MANIFESTS[bad])
    see_that_it_is_refused(reset, source, MANIFEST, bad)


@pytest.mark.parametrize("bad", SUMS)
@pytest.mark.parametrize("source", ["override", "compiled"])
def test_broken_checksums_are_named(reset: Installation, source: str, bad: str) -> None:
    os.mkfifo(reset.libraries(source) / "fifo.a")
    replace_file(reset.libraries(source) / CHECKSUMS, SUMS[bad])
    see_that_it_is_refused(reset, source, CHECKSUMS, bad)


@pytest.mark.parametrize("bad", SUMS)
def test_broken_checksums_without_a_manifest_are_named(reset: Installation, bad: str) -> None:
    (reset.override / MANIFEST).unlink()
    os.mkfifo(reset.override / "fifo.a")
    replace_file(reset.override / CHECKSUMS, SUMS[bad])
    see_that_it_is_refused(reset, "override", CHECKSUMS, bad)


@pytest.mark.parametrize("bad", RECEIPTS)
@pytest.mark.parametrize("source", SOURCES)
def test_broken_receipt_is_ignored(reset: Installation, source: str, bad: str) -> None:
    machine = replace(reset.machine(source), timeout=8)
    (usual,) = machine.ask(("--libs",))
    (receipt,) = (reset.cache / "verified").iterdir()
    replace_file(receipt, RECEIPTS[bad])
    for outcome in machine.ask(
        ("--libs",), ("--libs",), ("--libdir",), ("--doctor",), ("lib_dir",)
    ):
        outcome.answered()
    (outcome,) = machine.ask(("--libs",))
    assert outcome.stdout == usual.answered().stdout


@pytest.mark.parametrize("bad", RECEIPTS)
@pytest.mark.parametrize(
    "source", ["wheel", *(pytest.param(each, marks=pytest.mark.battery) for each in SOURCES[1:])]
)
def test_broken_receipt_does_not_hide_an_altered_archive(
    reset: Installation, source: str, bad: str
) -> None:
    machine = replace(reset.machine(source), timeout=8)
    machine.ask(("--libs",))
    (receipt,) = (reset.cache / "verified").iterdir()
    replace_file(receipt, RECEIPTS[bad])
    archive = reset.libraries(source) / SDK_CORE
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    for outcome in machine.ask(("--libs",), ("lib_dir",)):
        outcome.refused(SDK_CORE)


@pytest.mark.parametrize("bad", NO_FILES)
@pytest.mark.parametrize("source", SOURCES)
def test_archive_that_is_not_a_file_is_named(reset: Installation, source: str, bad: str) -> None:
    replace_file(reset.libraries(source) / SDK_CORE, NO_FILES[bad])
    see_that_it_is_refused(reset, source, SDK_CORE, bad)


def test_sparse_archive_without_a_recorded_size_is_not_hashed_for_hours(
    reset: Installation,
) -> None:
    (reset.override / MANIFEST).unlink()
    os.truncate(reset.override / SDK_CORE, 4 << 40)
    see_that_it_is_refused(reset, "override", SDK_CORE, "sparse")


@pytest.mark.parametrize("bad", NO_FILES)
@pytest.mark.parametrize("name", ["include/temporal-sdk-core-c-bridge.h", "share/interface.json"])
def test_header_that_is_not_a_file_does_not_stop_the_doctor(
    installation: Installation, name: str, bad: str
) -> None:
    replace_file(installation.package / name, NO_FILES[bad])
    machine = replace(installation.machine(), timeout=8)
    doctor, interface = machine.ask(("--doctor",), ("--interface",))
    assert doctor.ended().status == ("include" in name)
    if "share" in name:
        interface.refused("interface.json")
