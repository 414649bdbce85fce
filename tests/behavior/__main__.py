"""The command line of ``make behavior``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.behavior.comparing import compare, report
from tests.behavior.recording import RECORDING, read, record


def main(argv: Sequence[str] | None = None) -> int:
    """Record or compare.

    Returns:
        The exit status: 1 if answers differ, 2 if a recording cannot be read.
    """
    parser = argparse.ArgumentParser(prog="behavior")
    commands = parser.add_subparsers(dest="command", required=True)
    recorder = commands.add_parser("record", help="write a recording")
    recorder.add_argument("directory", type=Path, help=f"receives {RECORDING}")
    recorder.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        help="an interpreter of a venv that has the wheel installed (default: this one)",
    )
    comparer = commands.add_parser("compare", help="show what differs between two recordings")
    comparer.add_argument("before", type=Path)
    comparer.add_argument("after", type=Path)
    comparer.add_argument(
        "--words",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option whose output may differ because only people read it: --words=--help",
    )
    arguments = parser.parse_args(argv)
    if arguments.command == "record":
        print(record(Path(os.path.abspath(arguments.python)), arguments.directory))
        return 0
    try:
        before, after = read(arguments.before), read(arguments.after)
    except (OSError, ValueError) as error:
        comparer.error(f"cannot read a recording: {error}")
    differences = compare(before, after, arguments.words)
    print(report(differences))
    return 1 if any(difference.is_answer for difference in differences) else 0


if __name__ == "__main__":
    sys.exit(main())
