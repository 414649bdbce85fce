"""Write generated files or check that they are up to date, and fill in the templates of pages."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from tools import ROOT, ToolError, report_errors


def page(name: str, **values: str) -> str:
    """Fill the values into the template of a page in ``pages/``."""
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
    """Run the command line of a generator. Adds the option --check.

    Args:
        target: the Makefile target that runs it.
        parser: for the other arguments.
        generate: makes the texts of the files from the arguments, or raises a ToolError.

    Returns:
        0 if the files are written or, with --check, up to date.
    """
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is not up to date"
    )
    arguments = parser.parse_args()
    return report_errors(
        target, lambda: _write_or_check(target, generate(arguments), check=arguments.check)
    )


def _write_or_check(target: str, made: Mapping[Path, str], *, check: bool) -> None:
    """Write the generated files that are not up to date.

    Raises:
        ToolError: with ``check``, a file is not up to date.
    """
    stale = [
        file for file, text in made.items() if not file.exists() or file.read_text("utf-8") != text
    ]
    names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
    if check and stale:
        raise ToolError(f"not up to date: {names}\nfix: make {target}")
    for file in stale:
        file.parent.mkdir(exist_ok=True)
        file.write_text(made[file], encoding="utf-8")
    print(f"{target}: {f'wrote {names}' if stale else 'up to date'}")
