"""Gather the records of builds, chart their history, summarize metrics of users.

    python -m tools.records gather --history NEW [--previous OLD] [--summary FILE] RECORD ...
    python -m tools.records render HISTORY SVG
    python -m tools.records usage FILE

Runs in an environment with pyproject.toml's dependency group ``records``. See docs/records.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import ToolError
from tools.records.history import History, read_history, read_release, write_history
from tools.records.limits import Finding, findings
from tools.records.summary import annotation, platforms_without, summary
from tools.records.usage import usage


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, this process's if None.

    Returns:
        0; 1 if a file is invalid or a wheel is too large.
    """
    parser = argparse.ArgumentParser(prog="records", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("gather", help="add records to a history and a job summary")
    command.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="file, directory")
    command.add_argument("--previous", type=Path, help="the last release's history")
    command.add_argument("--history", type=Path, required=True, help="the new history to write")
    command.add_argument("--summary", type=Path, help="file to append Markdown to")
    command.set_defaults(run=_gather)
    command = commands.add_parser("render", help="draw a history's trend as a chart")
    command.add_argument("history", type=Path, metavar="HISTORY", help="build-history.json")
    command.add_argument("output", type=Path, metavar="SVG", help="or .png")
    command.set_defaults(run=_render)
    command = commands.add_parser("usage", help="summarize a file of TEMPORAL_LIBS_METRICS")
    command.add_argument("file", type=Path, metavar="FILE")
    command.set_defaults(run=_usage)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except ToolError as error:
        print(f"records: {error}", file=sys.stderr)
        return 1


def _gather(arguments: argparse.Namespace) -> int:
    release = read_release(arguments.records)
    previous = read_history(arguments.previous) if arguments.previous else History()
    before = previous.before(release.version)
    found = [it for build in release.builds for it in findings(build, before.last_like(build))]
    found += [
        Finding("warning", f"{platform}: there is no record of a build")
        for platform in platforms_without(release)
    ]
    text = summary(release, before, found)
    print(*map(annotation, found), text, sep="\n")
    if arguments.summary:
        # Append to a step's summary, never replace it.
        with arguments.summary.open("a", encoding="utf-8") as file:
            file.write(text)
    write_history(previous.with_release(release), arguments.history)
    return 1 if any(finding.fatal for finding in found) else 0


def _render(arguments: argparse.Namespace) -> None:
    # Imported here, because the other commands do not need Matplotlib.
    from tools.records.trend import draw_trend

    draw_trend(read_history(arguments.history), arguments.output)
    print(arguments.output)


def _usage(arguments: argparse.Namespace) -> None:
    try:
        text = arguments.file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ToolError(f"{arguments.file} cannot be read: {error.strerror}") from None
    print(usage(text.splitlines()))


if __name__ == "__main__":
    sys.exit(main())
