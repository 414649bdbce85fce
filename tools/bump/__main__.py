"""Move every place to another published core, or see whether there is a reason to.

    python -m tools.bump to VERSION [--allow-older]
    python -m tools.bump check [--summary FILE] [--issue]

Runs in an environment with pyproject.toml's dependency group ``bump``, and cargo. What is published
is asked of cargo. CONTRIBUTING.md has more.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import ROOT
from tools.bump.errors import BumpError
from tools.bump.issue import tell
from tools.bump.moving import Moved, bump
from tools.bump.news import look


def to(arguments: argparse.Namespace) -> None:
    """Move, and say what there is to look at."""
    print(_told(bump(ROOT, arguments.version, allow_older=arguments.allow_older)))


def check(arguments: argparse.Namespace) -> None:
    """Say whether a newer core is out, and how the C interface differs from Temporal's."""
    news = look(ROOT)
    _say(news.text, arguments.summary)
    if arguments.issue and news.is_for_an_issue:
        _say(f"\nIn GitHub: {tell(news.title, news.text)}.", arguments.summary)
    if news.problem:
        raise BumpError(f"could not compare the C interface with Temporal's: {news.problem}")


def _say(text: str, summary: Path | None) -> None:
    print(text)
    if summary:
        # A step's summary is added to, never replaced.
        with summary.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: its arguments; None is this process's.

    Returns:
        0; 1 if it could not be done, and nothing in the tree has changed.
    """
    parser = argparse.ArgumentParser(prog="bump", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("to", help="move every place to a core")
    command.add_argument("version", type=_version, metavar="VERSION", help="as in 0.10.1")
    command.add_argument("--allow-older", action="store_true", help="also to an older one")
    command.set_defaults(run=to)
    command = commands.add_parser("check", help="look for a newer core, and compare C interfaces")
    command.add_argument("--summary", type=Path, help="file that the answer is added to")
    command.add_argument("--issue", action="store_true", help="open or update an issue with gh")
    command.set_defaults(run=check)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except BumpError as error:
        print(f"bump: {error}", file=sys.stderr)
        return 1
    return 0


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 0.10.1")
    return text


def _told(moved: Moved) -> str:
    lines = [
        f"{subject}: {moved.before[subject]} -> {moved.after[subject]}"
        for subject in moved.after
        if moved.before[subject] != moved.after[subject]
    ]
    lines += ["", "The C interface:"]
    lines += [f"- {change}" for change in moved.interface] or ["- no difference"]
    lines += ["", "Changed:", *(f"  {file}" for file in moved.files)]
    lines += ["", "Nothing of it has been compiled yet: look at `git diff`, then `make test`."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
