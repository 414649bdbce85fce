"""Files that are made of others: written, or held to be fresh; and the prose of pages."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from tools import ROOT, ToolError, report_errors


def page(name: str, **values: str) -> str:
    """Fill in the page of a name in ``pages/``, a format of the values."""
    file = Path(__file__).with_name("pages") / name
    return file.read_text(encoding="utf-8").format(**values)


def row(*cells: str) -> str:
    """Write a line of a table in Markdown."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def run_generator(
    target: str,
    parser: ArgumentParser,
    generate: Callable[[Namespace], Mapping[Path, str]],
) -> int:
    """Run a generator's command line, to which this adds --check.

    Args:
        target: the target of the Makefile that runs it.
        parser: knows the other arguments.
        generate: makes the texts of the files from the arguments; what fails is a ToolError.

    Returns:
        0 when the files are written or, with --check, fresh.
    """
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    arguments = parser.parse_args()
    return report_errors(
        target, lambda: _write_or_check(target, generate(arguments), check=arguments.check)
    )


def _write_or_check(target: str, made: Mapping[Path, str], *, check: bool) -> None:
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
