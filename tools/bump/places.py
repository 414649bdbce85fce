"""The table of places that a version stands in, and how each is moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

import tomlkit

from tools.bump.errors import BumpError
from tools.bump.registry import CORE

#: What a place has the version of, beside the crates by their names: the package, whose version is
#: the core's or a `.postN` of it, and the minimum of Rust.
PACKAGE: Final = "temporal-static-libs"
RUST: Final = "rust"


@dataclass(frozen=True)
class TomlPlace:
    """A value in a TOML file.

    Attributes:
        file: relative to the tree.
        keys: the path to the value.
        subject: a crate's name, `PACKAGE` or `RUST`.
        prefix: what stands before the version.
    """

    file: str
    keys: tuple[str, ...]
    subject: str
    prefix: str = ""

    def read(self, root: Path) -> str:
        """The version that stands there.

        Raises:
            BumpError: there is no such place.
        """
        try:
            value: str = reduce(_item, self.keys, _toml(root / self.file))
        except (KeyError, OSError):
            raise BumpError(f"{root / self.file} has no {'.'.join(self.keys)}") from None
        if not value.startswith(self.prefix):
            raise BumpError(
                f"{root / self.file}: {'.'.join(self.keys)} is {value!r}, which does not begin "
                f"with {self.prefix!r}"
            )
        return str(value.removeprefix(self.prefix))

    def write(self, root: Path, version: str) -> None:
        """Put another version there."""
        document = _toml(root / self.file)
        reduce(_item, self.keys[:-1], document)[self.keys[-1]] = f"{self.prefix}{version}"
        (root / self.file).write_text(tomlkit.dumps(document), encoding="utf-8")


@dataclass(frozen=True)
class TextPlace:
    """The same words in one or more places of a file that is no TOML.

    Attributes:
        file: relative to the tree.
        words: a format of the version.
        subject: a crate's name, `PACKAGE` or `RUST`.
    """

    file: str
    words: str
    subject: str

    def read(self, root: Path) -> str:
        """The version that stands there.

        Raises:
            BumpError: there is no such place, or it has several versions.
        """
        found = set(self._pattern().findall((root / self.file).read_text(encoding="utf-8")))
        if len(found) != 1:
            what = f"several versions: {', '.join(sorted(found))}" if found else "no version"
            raise BumpError(f"{root / self.file} has {what} in the words {self.words!r}")
        return str(found.pop())

    def write(self, root: Path, version: str) -> None:
        """Put another version there."""
        text = (root / self.file).read_text(encoding="utf-8")
        moved = self._pattern().sub(lambda _: self.words.format(version), text)
        (root / self.file).write_text(moved, encoding="utf-8")

    def _pattern(self) -> re.Pattern[str]:
        before, after = (re.escape(part) for part in self.words.split("{}"))
        return re.compile(rf"{before}(\d+(?:\.\d+)+(?:\.post\d+)?){after}")


Place = TomlPlace | TextPlace

_DEPENDENCIES: Final = ("workspace", "dependencies")

PLACES: Final[tuple[Place, ...]] = (
    TomlPlace("pyproject.toml", ("project", "version"), PACKAGE),
    TextPlace("temporal_static_libs/_about.py", '__version__ = "{}"', PACKAGE),
    TomlPlace("rust/Cargo.toml", ("workspace", "package", "version"), CORE),
    TomlPlace("rust/Cargo.toml", (*_DEPENDENCIES, CORE, "version"), CORE, "="),
    *(
        TomlPlace("rust/Cargo.toml", (*_DEPENDENCIES, crate, "version"), crate, "=")
        for crate in ("temporalio-client", "temporalio-common", "temporalio-protos")
    ),
    TomlPlace("rust/Cargo.toml", ("workspace", "package", "rust-version"), RUST),
    TextPlace("README.md", "Rust {} or newer", RUST),
    TextPlace("docs/source-distribution.md", "`rust-version` in `rust/Cargo.toml`; {}", RUST),
    TextPlace("docs/compiling.md", "  v{}/linux-x64/", PACKAGE),
    TextPlace("docs/compiling.md", '"version": "{}"', PACKAGE),
    TextPlace("docs/cmake.md", "find_package(TemporalStaticLibs {} ", PACKAGE),
    TextPlace("docs/cpp.md", "find_package(TemporalStaticLibs {} ", PACKAGE),
    TextPlace("docs/download-client.md", "temporal-static-libs=={}", PACKAGE),
    TextPlace("docs/meson.md", "version: '>={}'", PACKAGE),
    TextPlace("docs/migration.md", "temporal-static-libs=={}", PACKAGE),
    TextPlace("docs/migration.md", "temporal_static_libs-{}-", PACKAGE),
    TextPlace("examples/cmake/CMakeLists.txt", "find_package(TemporalStaticLibs {} ", PACKAGE),
    TextPlace("examples/cpp/CMakeLists.txt", "find_package(TemporalStaticLibs {} ", PACKAGE),
    TextPlace("examples/docker/Dockerfile", "TEMPORAL_STATIC_LIBS_VERSION={}", PACKAGE),
    TextPlace("examples/docker/README.md", "`TEMPORAL_STATIC_LIBS_VERSION` | `{}`", PACKAGE),
    TextPlace("examples/meson/meson.build", "version: '>={}'", PACKAGE),
    TextPlace("examples/migration/after/requirements.txt", "temporal-static-libs=={}", PACKAGE),
    TextPlace("docs/manual-setup.md", "temporal_static_libs-{}", PACKAGE),
    TextPlace("docs/source-distribution.md", "temporal_static_libs-{}", PACKAGE),
)


def current(root: Path, places: tuple[Place, ...] = PLACES) -> dict[str, str]:
    """The version of each subject, in which all its places must agree.

    Args:
        root: the tree.
        places: the table.

    Raises:
        BumpError: a place is not there, or says something else than another.
    """
    found: dict[str, str] = {}
    for place in places:
        version = place.read(root)
        if found.setdefault(place.subject, version) != version:
            raise BumpError(
                f"{root / place.file} has {place.subject} {version}, and another place "
                f"{found[place.subject]}"
            )
    return found


def move(root: Path, versions: Mapping[str, str], places: tuple[Place, ...] = PLACES) -> None:
    """Put versions into all places.

    Args:
        root: the tree.
        versions: by subject.
        places: the table.

    Raises:
        BumpError: there is no version for a place.
    """
    for place in places:
        if place.subject not in versions:
            raise BumpError(
                f"{CORE} {versions[CORE]} is built without {place.subject}, which {place.file} "
                "asks for: that is work for a person"
            )
        place.write(root, versions[place.subject])


def _toml(file: Path) -> Any:
    return tomlkit.parse(file.read_text(encoding="utf-8"))


_item: Callable[[Any, str], Any] = lambda table, key: table[key]  # noqa: E731
