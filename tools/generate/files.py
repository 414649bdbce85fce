"""Files that are made of others: written, or held to be fresh; and the prose of pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools import ROOT, ToolError


def page(name: str, **values: str) -> str:
    """Fill in the page of a name in ``pages/``, a format of the values."""
    file = Path(__file__).with_name("pages") / name
    return file.read_text(encoding="utf-8").format(**values)


def row(*cells: str) -> str:
    """Write a line of a table in Markdown."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def write_or_check(target: str, made: Mapping[Path, str], *, check: bool) -> None:
    """Write the files, by path, that a target of the Makefile makes and that are stale.

    Raises:
        ToolError: files are stale, and only to be checked.
    """
    stale = [
        file for file, text in made.items() if not file.exists() or file.read_text("utf-8") != text
    ]
    names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
    if check and stale:
        raise ToolError(f"stale: {names}; run `make {target}`")
    for file in stale:
        file.parent.mkdir(exist_ok=True)
        file.write_text(made[file], encoding="utf-8")
    print(f"{target}: {f'wrote {names}' if stale else 'fresh'}")
