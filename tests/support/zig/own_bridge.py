"""A small Zig bridge that uses the libraries through lines from docs/zig.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TEMPLATE = Path(__file__).parent / "own_bridge_files"
_MARK = re.compile(r"^( *)// docs/zig\.md\n", re.MULTILINE)


@dataclass(frozen=True)
class OwnBridge:
    """A Zig project.

    Attributes:
        directory: the project's directory.
        python: the interpreter of the environment whose Zig builds it.
    """

    directory: Path
    python: Path = Path(sys.executable)

    def build(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``zig build`` in it, with any exit status.

        Args:
            arguments: the arguments of ``zig build``.
            environ: variables to add to the environment.
        """
        return subprocess.run(
            [self.python, "-m", "ziglang", "build", *arguments],
            cwd=self.directory,
            env={**os.environ, "NO_COLOR": "1", **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def build_file(self) -> Path:
        """The project's build.zig."""
        return self.directory / "build.zig"

    @property
    def source(self) -> Path:
        """The project's only other Zig file."""
        return self.directory / "src" / "main.zig"


def snippets(page: Path, heading: str) -> list[str]:
    """The Zig code blocks under a heading of a page of docs/."""
    section = page.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```zig\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def insert(file: Path, lines: str) -> None:
    """Insert the page's lines at the mark in a file."""
    text = file.read_text()
    mark = _MARK.search(text)
    assert mark is not None, file
    indented = "".join(f"{mark[1]}{line}\n" for line in lines.splitlines())
    file.write_text(f"{text[: mark.start()]}{indented}{text[mark.end() :]}")


def copy_own_bridge(directory: Path, page: Path) -> OwnBridge:
    """Make the project, with the lines to copy from docs/zig.md.

    Args:
        directory: created if it is missing; an earlier copy in it is reset, except Zig's cache.
        page: docs/zig.md.
    """
    shutil.copytree(_TEMPLATE, directory, dirs_exist_ok=True)
    bridge = OwnBridge(directory)
    for_build, for_bridge = snippets(page, "In five minutes")
    insert(bridge.build_file, for_build)
    insert(bridge.source, for_bridge)
    return bridge
