"""The table of places that name a version, and how to change them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tools import ToolError
from tools.bump.registry import CORE

#: Subjects other than crates: the package, whose version is the core's or a `.postN` of it, and the
#: minimum Rust version.
PACKAGE: Final = "temporal-static-libs"
RUST: Final = "rust"


class Location(NamedTuple):
    """The same text in one or more places of a file.

    Attributes:
        file: the path relative to the tree.
        words: the text that contains the version, with ``{}`` in its place.
        subject: a crate's name, `PACKAGE` or `RUST`.
    """

    file: str
    words: str
    subject: str

    def read(self, root: Path) -> str:
        """Return the version there; a `ToolError` if there is not exactly one."""
        found = set(self._pattern().findall((root / self.file).read_text(encoding="utf-8")))
        if len(found) != 1:
            what = f"several versions: {', '.join(sorted(found))}" if found else "no version"
            raise ToolError(f"{root / self.file} has {what} in the words {self.words!r}")
        return str(found.pop())

    def write(self, root: Path, version: str) -> None:
        """Write another version there."""
        text = (root / self.file).read_text(encoding="utf-8")
        moved = self._pattern().sub(lambda _: self.words.replace("{}", version), text)
        (root / self.file).write_text(moved, encoding="utf-8")

    def _pattern(self) -> re.Pattern[str]:
        before, after = (re.escape(part) for part in self.words.split("{}"))
        return re.compile(rf"{before}(\d+(?:\.\d+)+(?:\.post\d+)?){after}")


LOCATIONS: Final = (
    Location("pyproject.toml", '\nversion = "{}"', PACKAGE),
    Location("temporal_static_libs/_about.py", '__version__ = "{}"', PACKAGE),
    Location("rust/Cargo.toml", '\nversion = "{}"', CORE),
    *(
        Location("rust/Cargo.toml", f'\n{crate} = {{ version = "={{}}"', crate)
        for crate in (CORE, "temporalio-client", "temporalio-common", "temporalio-protos")
    ),
    Location("rust/Cargo.toml", '\nrust-version = "{}"', RUST),
    Location("README.md", "Rust {} or newer", RUST),
    Location("docs/source-distribution.md", "`rust-version` in `rust/Cargo.toml`; {}", RUST),
    Location("docs/compiling.md", "  v{}/linux-x64/", PACKAGE),
    Location("docs/compiling.md", '"version": "{}"', PACKAGE),
    Location("docs/debugging.md", "temporal-static-libs-linux-x64-line-tables-v{}", PACKAGE),
    Location("docs/cmake.md", "find_package(TemporalStaticLibs {} ", PACKAGE),
    Location("docs/cmake.md", "find_dependency(TemporalStaticLibs {} ", PACKAGE),
    Location("docs/cpp.md", "find_package(TemporalStaticLibs {} ", PACKAGE),
    Location("docs/download-client.md", "temporal-static-libs=={}", PACKAGE),
    Location("docs/meson.md", "version: '>={}'", PACKAGE),
    Location("docs/migration.md", "temporal-static-libs=={}", PACKAGE),
    Location("docs/migration.md", "temporal_static_libs-{}-", PACKAGE),
    Location("examples/cmake/CMakeLists.txt", "find_package(TemporalStaticLibs {} ", PACKAGE),
    Location("examples/cpp/CMakeLists.txt", "find_package(TemporalStaticLibs {} ", PACKAGE),
    Location("examples/docker/Dockerfile", "TEMPORAL_STATIC_LIBS_VERSION={}", PACKAGE),
    Location("examples/docker/README.md", "`TEMPORAL_STATIC_LIBS_VERSION` | `{}`", PACKAGE),
    Location("examples/meson/meson.build", "version: '>={}'", PACKAGE),
    Location("examples/migration/after/requirements.txt", "temporal-static-libs=={}", PACKAGE),
    Location("docs/manual-setup.md", "temporal_static_libs-{}", PACKAGE),
    Location("docs/release-files.md", "-v{}", PACKAGE),
    Location("docs/release-files.md", "temporal_static_libs-{}", PACKAGE),
    Location("docs/source-distribution.md", "temporal_static_libs-{}", PACKAGE),
    Location("docs/shared-library.md", "temporal-static-libs-linux-x64-shared-v{}", PACKAGE),
)


def current(root: Path, locations: Sequence[Location] = LOCATIONS) -> dict[str, str]:
    """Return the version of each subject; a `ToolError` unless all its locations agree."""
    found: dict[str, str] = {}
    for location in locations:
        version = location.read(root)
        if found.setdefault(location.subject, version) != version:
            raise ToolError(
                f"{root / location.file} has {location.subject} {version}, and another place "
                f"{found[location.subject]}"
            )
    return found


def move(root: Path, versions: Mapping[str, str]) -> None:
    """Write versions, by subject, to all locations; a `ToolError` if a subject has no version."""
    for location in LOCATIONS:
        if location.subject not in versions:
            raise ToolError(
                f"{CORE} {versions[CORE]} is built without {location.subject}, which "
                f"{location.file} requires: change this by hand"
            )
        location.write(root, versions[location.subject])
