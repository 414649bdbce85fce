"""Move every place to another published core, or check whether there is a newer one.

    python -m tools.bump to VERSION [--allow-older]
    python -m tools.bump check [--summary FILE] [--issue]

Runs in an environment with pyproject.toml's dependency group ``bump``, and cargo, which
finds the published versions. See CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import ROOT, ToolError, issue, report_errors
from tools.bump.migrate import migrate
from tools.bump.news import TITLES, look
from tools.bump.registry import CORE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, this process's if None.

    Returns:
        0; 1 if it failed, without a change in the tree.
    """
    parser = argparse.ArgumentParser(prog="bump", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("to", help="move every place to a core")
    command.add_argument("version", type=_version, metavar="VERSION", help="as in 0.10.1")
    command.add_argument("--allow-older", action="store_true", help="allow an older version")
    command.set_defaults(run=_migrate)
    command = commands.add_parser("check", help="look for a newer core, and compare C interfaces")
    command.add_argument("--summary", type=Path, help="file to append the result to")
    command.add_argument("--issue", action="store_true", help="open or update an issue with gh")
    command.set_defaults(run=_check)
    arguments = parser.parse_args(argv)
    return report_errors("bump", lambda: arguments.run(arguments))


def _migrate(arguments: argparse.Namespace) -> None:
    print(migrate(ROOT, arguments.version, allow_older=arguments.allow_older))


def _check(arguments: argparse.Namespace) -> None:
    news = look(ROOT)
    _report(news.text, arguments.summary)
    if arguments.issue and news.is_for_an_issue:
        done = issue.update(news.title, news.text, search=CORE, titles=TITLES, more="make upstream")
        _report(f"\nIn GitHub: {done}.", arguments.summary)
    if news.problem:
        raise ToolError(f"could not compare the C interface with Temporal's: {news.problem}")


def _report(text: str, summary: Path | None) -> None:
    print(text)
    if summary:
        # Append to a step's summary, never replace it.
        with summary.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as 0.10.1")
    return text


if __name__ == "__main__":
    sys.exit(main())
