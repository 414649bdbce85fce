"""The guides, and the files that their readers already have."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools import ROOT
from tools.guides.pages import Steps

#: The server named on the pages.
URL: Final = "http://127.0.0.1:7233"

_PREREQUISITES: Final = "Prerequisites"
_TO_A_BINARY: Final = "From pip to a binary"
_TO_A_CALL: Final = "From pip to a first call"
_SHARED_LIBRARY: Final = ("docs/bindings.md", ("A shared library",))
#: A reader's existing Zig project, and the mark for the page's lines in its files.
_ZIG_PROJECT: Final = "tests/support/zig/own_bridge_files"
_MARK: Final = "// docs/zig.md\n"


@dataclass(frozen=True)
class Guide:
    """One guide.

    Attributes:
        sections: pages of the repository and their headings, in the order to follow.
        brings: files that the reader has: file or directory of the repository by its name in the
            project. The empty name is the project itself.
        then: commands that run the result, if the guide does not.
        asks_server: the result prints the server's version; otherwise, that of the package.
    """

    sections: tuple[tuple[str, tuple[str, ...]], ...]
    brings: Mapping[str, str] = field(default_factory=dict)
    then: str = ""
    asks_server: bool = True

    def steps(self) -> Steps:
        """Read the pages; a ValueError if a heading is missing."""
        steps = Steps()
        for page, headings in self.sections:
            steps.add(ROOT / page, headings)
        steps.commands += self.then
        return steps

    def lay_out(self, project: Path, files: Mapping[str, str]) -> None:
        """Copy the reader's files to a directory, and write the files of the guide."""
        project.mkdir(parents=True)
        for name, source in self.brings.items():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, project / name, dirs_exist_ok=True)
            else:
                shutil.copyfile(ROOT / source, project / name)
        for name, content in files.items():
            file = project / name
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            # A whole file, or lines for one of the reader's files.
            after = before.replace(_MARK, content) if _MARK in before else content
            file.write_text(after, encoding="utf-8")


def _build(page: str, brings: Mapping[str, str], program: str) -> Guide:
    """Return a guide that ends with a program of the reader."""
    sections = ((page, (_PREREQUISITES, _TO_A_BINARY)),)
    return Guide(sections, brings, f"{program} {URL}\n")


def _foreign(language: str, *, shared: bool = True) -> Guide:
    """Return a guide that ends with an example in another language."""
    page = f"docs/{language}.md"
    library = (_SHARED_LIBRARY,) if shared else ()
    sections = ((page, (_PREREQUISITES,)), *library, (page, (_TO_A_CALL,)))
    return Guide(sections, {"": f"examples/{language}"})


_C: Final = {"bridge.c": "examples/c/server_version.c"}
# The whole example; the guide's files replace those of the same names.
_CPP: Final = {"": "examples/cpp", "bridge.cpp": "examples/cpp/main.cpp"}

GUIDES: Final[Mapping[str, Guide]] = {
    "bindings": Guide(
        (("docs/bindings.md", (_PREREQUISITES, "A shared library", "A first call")),),
        asks_server=False,
    ),
    "bun": Guide((("docs/bun.md", (_PREREQUISITES, _TO_A_BINARY)),), asks_server=False),
    "c": Guide(
        (("examples/c/README.md", (_PREREQUISITES, "Build and run")),),
        {"": "examples/c"},
        "cc -o server_version server_version.c $(temporal-libs-config --cflags --libs)\n"
        f"./server_version {URL}\n",
    ),
    "cmake": _build("docs/cmake.md", _C, "build/bridge"),
    "cpp": _build("docs/cpp.md", _CPP, "build/bridge"),
    "elixir": _foreign("elixir", shared=False),
    "go": Guide(
        (("docs/go.md", (_PREREQUISITES, _TO_A_BINARY)),), then="./bridge\n", asks_server=False
    ),
    "meson": _build("docs/meson.md", _C, "build/bridge"),
    "perl": _foreign("perl"),
    "php": _foreign("php"),
    "pkg-config": _build("docs/pkg-config.md", _C, "./bridge"),
    "shared-library": Guide(
        (("docs/shared-library.md", (_PREREQUISITES, _TO_A_CALL)),), {"": "examples/ctypes"}
    ),
    "zig": Guide(
        (("docs/zig.md", (_PREREQUISITES, "In five minutes")),),
        {"": _ZIG_PROJECT},
        "zig-out/bin/bridge\n",
        asks_server=False,
    ),
}

#: Guides that no container can follow, and why.
NOT_FOLLOWED: Final[Mapping[str, str]] = {
    "dotnet": "Debian has no .NET SDK",
    "swift": "Debian has no Swift compiler",
}
