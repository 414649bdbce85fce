"""Directories with unusual names: readers of an answer get the same path, or there is a message."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.support.installation.calls import Call, Machine, Outcome
from tests.support.installation.readers import (
    archive_of_cmake,
    flags_of_pkg_config,
    words_of_shell,
    words_of_xargs,
)
from tests.support.installation.small import PACKAGE, SDK_CORE, Installation

NAMES: Mapping[str, bytes] = {
    "space": b"a b ",
    "quote": b"it's",
    "double-quote": b'a"b',
    "dollar": b"a$HOME${HOME}$b",
    "backslash": b"a\\b",
    "newline": b"a\nb",
    "tab": b"a\tb",
    "semicolon": b"a;b",
    "pipe": b"a|b",
    "colon": b"a:b",
    "angle-bracket": b"a<b>c",
    "hash": b"#a#b",
    "percent": b"a%sb%20c",
    "ampersand": b"a&b",
    "asterisk": b"a*?b",
    "tilde": b"~a~",
    "leading-dash": b"-a",
    "backquote": b"a`b`$(c)",
    "at-signs": b"@LIBDIR@",
    "square-brackets": b"a]]b[=[c]=]",
    "not-ascii": "Überraschung 例".encode(),
    "not-utf-8": b"a\xff\xfeb",
    "long": b"",
}
NO_FILE_SYSTEM_HAS_IT = 6000  # characters of a path
LONGEST = 3800  # characters of a path, which leaves room for the package's files


def directory_named(name: str, root: Path, length: int) -> Path:
    """A directory that does not exist, with a name from the list.

    Args:
        name: the name in the list.
        root: the parent directory.
        length: characters in the path of the long one.
    """
    if NAMES[name]:
        return root / os.fsdecode(NAMES[name])
    parts = (length - len(str(root))) // 200
    return root.joinpath(*["n" * 199] * parts)


# --- the calls, by the directory with the name ---

ALL = (
    *("--libs", "--cflags", "--ldflags", "--libfiles", "--libdir", "--includedir", "--prefix"),
    *("--json", "--pkgconfigdir", "--cmakedir", "--zigdir", "--protodir", "--interface"),
    *("--verify", "--doctor", "--zig", "lib_dir", "link_flags", "include_dir"),
)
OF_LIBRARIES = (
    *("--libs", "--ldflags", "--libfiles", "--libdir", "--json", "--pkgconfigdir", "--cmakedir"),
    *("--verify", "--doctor", "lib_dir", "link_flags"),
)
OF_CACHE = ("--pkgconfigdir", "--cmakedir", "--libs", "--doctor")
ASKED: Mapping[str, tuple[str, ...]] = {
    "package": ALL,
    "override": OF_LIBRARIES,
    "cache": OF_CACHE,
}


class Named:
    """An installation in which a directory has a name from the list.

    Attributes:
        parent: the parent of the directory with the name.
        package: the package.
        libraries: the directory of the libraries that answers are about.
        outcomes: the result of each option or function.
    """

    def __init__(self, pristine: Installation, root: Path, which: str, name: str) -> None:
        self.parent = root / "named"
        self.parent.mkdir()
        site = directory_named(name, self.parent, LONGEST) if which == "package" else None
        there = pristine.copy(root / "own", site)
        machine = there.machine("wheel" if which == "package" else "override")
        self.package, self.libraries = there.package, there.package / "lib"
        if which != "package":
            self.libraries = there.override
            named = directory_named(name, self.parent, NO_FILE_SYSTEM_HAS_IT)
            if which == "override":
                self._move(there.override, named)
                self.libraries = named
            variable = {"override": "TEMPORAL_LIBS_DIR", "cache": "TEMPORAL_LIBS_CACHE_DIR"}
            environ = {**machine.environ, variable[which]: str(named)}
            machine = replace(machine, environ=environ)
        self.outcomes = _ask(machine, ASKED[which])

    @staticmethod
    def _move(directory: Path, there: Path) -> None:
        if len(str(there)) < LONGEST:
            directory.rename(there)

    @property
    def archive(self) -> bytes:
        """The path of the archive that answers are about."""
        return os.fsencode(self.libraries / SDK_CORE)


def _ask(machine: Machine, asked: tuple[str, ...]) -> dict[str, Outcome]:
    calls: list[Call] = [(each,) for each in asked]
    return dict(zip(asked, machine.ask(*calls), strict=True))


@pytest.fixture(scope="session")
def named(pristine: Installation, copies: Callable[[], Path]) -> Callable[[str, str], Named]:
    """A function that makes the installation for a kind of directory and a name, once."""
    return cache(lambda which, name: Named(pristine, copies(), which, name))


# --- readers of the answers ---

Reader = Callable[[Named, Outcome, Path], None]


def reads_raw(path: Callable[[Named], Path]) -> Reader:
    def read(named: Named, outcome: Outcome, scratch: Path) -> None:
        assert outcome.line == os.fsencode(path(named))

    return read


def reads_words(
    words: Callable[[bytes], list[bytes]], expected: Callable[[Named], list[bytes]]
) -> Reader:
    """A reader that splits an answer into words and compares the first ones."""

    def read(named: Named, outcome: Outcome, scratch: Path) -> None:
        wanted = expected(named)
        assert words(outcome.stdout)[: len(wanted)] == wanted

    return read


def _libs(named: Named) -> list[bytes]:
    return [named.archive]


def _cflags(named: Named) -> list[bytes]:
    return [b"-I" + os.fsencode(named.package / "include")]


def _ldflags(named: Named) -> list[bytes]:
    return [b"-Wl,--gc-sections"]


def reads_json(named: Named, outcome: Outcome, scratch: Path) -> None:
    facts = json.loads(outcome.stdout)
    assert facts["libdir"] == str(named.libraries)
    assert facts["prefix"] == str(named.package)
    assert facts["includedir"] == str(named.package / "include")
    assert os.fsencode(facts["libraries"][0]["path"]) == named.archive


def reads_pkg_config(named: Named, outcome: Outcome, scratch: Path) -> None:
    flags = flags_of_pkg_config(outcome.line)
    (directory,) = [flag[2:] for flag in flags if flag.startswith(b"-L")]
    assert os.path.samefile(os.path.join(directory, os.fsencode(SDK_CORE)), named.archive)
    assert b"-ltemporal_sdk_core" in flags


def reads_cmake(named: Named, outcome: Outcome, scratch: Path) -> None:
    assert os.path.samefile(archive_of_cmake(outcome.line, scratch), named.archive)


def reads_report(named: Named, outcome: Outcome, scratch: Path) -> None:
    lines = outcome.stdout.splitlines()
    assert len(lines) > 5
    assert [line for line in lines if not line.startswith((b"ok  ", b"broken  "))] == []


def reads_zig_helper(named: Named, outcome: Outcome, scratch: Path) -> None:
    helper = named.package / "share" / "zig" / "temporal_libs.zig"
    assert outcome.stdout == helper.read_bytes()


READERS: Mapping[str, tuple[str, Reader]] = {
    "libs": ("--libs", reads_words(words_of_shell, _libs)),
    "libs-xargs": ("--libs", reads_words(words_of_xargs, _libs)),
    "cflags": ("--cflags", reads_words(words_of_shell, _cflags)),
    "cflags-xargs": ("--cflags", reads_words(words_of_xargs, _cflags)),
    "ldflags": ("--ldflags", reads_words(lambda it: words_of_shell(it)[-1:], _ldflags)),
    "libfiles": ("--libfiles", reads_words(words_of_shell, _libs)),
    "libdir": ("--libdir", reads_raw(lambda it: it.libraries)),
    "includedir": ("--includedir", reads_raw(lambda it: it.package / "include")),
    "prefix": ("--prefix", reads_raw(lambda it: it.package)),
    "json": ("--json", reads_json),
    "pkg-config": ("--pkgconfigdir", reads_pkg_config),
    "cmake": ("--cmakedir", reads_cmake),
    "zigdir": ("--zigdir", reads_raw(lambda it: it.package / "share" / "zig")),
    "protodir": ("--protodir", reads_raw(lambda it: it.package / "share" / "proto")),
    "interface": ("--interface", reads_raw(lambda it: it.package / "share" / "interface.json")),
    "verify": ("--verify", lambda named, outcome, scratch: None),
    "doctor": ("--doctor", reads_report),
    "zig": ("--zig", reads_zig_helper),
    "api-lib-dir": ("lib_dir", reads_raw(lambda it: it.libraries)),
    "api-include-dir": ("include_dir", reads_raw(lambda it: it.package / "include")),
    "api-link-flags": (
        "link_flags",
        reads_words(lambda it: it.split(b"\n-l")[:1], _libs),
    ),
}


def cells() -> list[object]:
    return [
        pytest.param(which, name, output, id=f"{which}-{name}-{output}")
        for which, asked in ASKED.items()
        for name in NAMES
        for output, (option, _) in READERS.items()
        if option in asked
    ]


def test_there_are_23_names() -> None:
    assert len(NAMES) == 23


@pytest.mark.parametrize(("which", "name", "output"), cells())
def test_answer_is_read_back_or_refused(
    named: Callable[[str, str], Named], tmp_path: Path, which: str, name: str, output: str
) -> None:
    there = named(which, name)
    option, read = READERS[output]
    outcome = there.outcomes[option].ended()
    if output == "doctor":
        read(there, outcome, tmp_path)
    elif outcome.status == 0:
        assert outcome.stderr == ""
        read(there, outcome, tmp_path)
    else:
        outcome.refused(str(there.parent))


@pytest.mark.parametrize("which", ["package", "override"])
def test_json_of_a_path_that_is_not_utf_8_is_refused_and_escapes_it(
    named: Callable[[str, str], Named], which: str
) -> None:
    outcome = named(which, "not-utf-8").outcomes["--json"]
    outcome.refused()
    assert r"a\udcff\udcfeb" in outcome.stderr or r"a\xff\xfeb" in outcome.stderr


@pytest.mark.parametrize("which", ["package", "override"])
def test_directory_that_is_not_utf_8_is_printed_unchanged(
    named: Callable[[str, str], Named], which: str
) -> None:
    there = named(which, "not-utf-8")
    assert there.outcomes["--libdir"].answered().line == os.fsencode(there.libraries)


@pytest.mark.parametrize("name", ["space", "quote", "not-ascii", "dollar", "semicolon"])
def test_common_names_work(named: Callable[[str, str], Named], name: str) -> None:
    for which in ASKED:
        for option in ("--libs", "--cflags", "--libdir", "--json"):
            if option in ASKED[which]:
                named(which, name).outcomes[option].answered()


def test_path_of_6000_characters_is_refused(named: Callable[[str, str], Named]) -> None:
    there = named("override", "long")
    assert len(str(there.libraries)) > 5800
    for option in OF_LIBRARIES:
        if option != "--doctor":
            there.outcomes[option].refused()


def test_package_is_in_the_named_directory(named: Callable[[str, str], Named]) -> None:
    assert os.fsencode(named("package", "not-utf-8").package).endswith(
        NAMES["not-utf-8"] + b"/" + PACKAGE.encode()
    )
