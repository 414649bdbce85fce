"""Follow guides, and print a row of the record for each.

Needs Docker, debootstrap and root. A guide ends with a program that prints a version.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools import ToolError, report_errors
from tools.dev_server import DevServer, running_dev_server, server_version
from tools.guides.container import Debian, debian
from tools.guides.table import GUIDES, NOT_FOLLOWED, URL
from tools.processes import tail


def _follow(name: str, system: Debian, server: DevServer, package: str, scratch: Path) -> str:
    """Follow a guide; return its program's output, or raise a `ToolError` with the log's end."""
    guide = GUIDES[name]
    steps = guide.steps()
    steps.commands = steps.commands.replace(URL, server.url)
    project, log = scratch / name, scratch / f"{name}.log"
    guide.lay_out(project, steps.files)
    expected = f"server version: {server_version()}" if guide.asks_server else package
    if not system.follow(steps, project, log) or expected not in log.read_text().splitlines():
        raise ToolError(f"{name} did not end with {expected!r}; its log:\n{tail(log)}")
    return expected


def _run(names: Sequence[str], wheel: Path) -> None:
    package = wheel.name.split("-")[1]
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="temporal-guides-") as directory:
        scratch = Path(directory)
        with debian(scratch, wheel) as system, running_dev_server() as server:
            for name in names:
                started = time.monotonic()
                try:
                    result = _follow(name, system, server, package, scratch)
                except ToolError as error:
                    failed.append(name)
                    result = f"failed: {error}"
                print(f"| {name} | {result} | {time.monotonic() - started:.0f} s |", flush=True)
    for name, reason in NOT_FOLLOWED.items():
        print(f"| {name} | not followed: {reason} | |")
    if failed:
        raise ToolError(f"failed: {', '.join(failed)}")


def main() -> int:
    """Return 0 if all named guides can be followed, otherwise 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.guides", description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="wheel that pip installs")
    parser.add_argument(
        "names", metavar="GUIDE", nargs="*", help=f"all by default: {' '.join(GUIDES)}"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(GUIDES):
        parser.error(f"unknown: {' '.join(sorted(unknown))}")
    return report_errors(
        "guides", lambda: _run(arguments.names or list(GUIDES), arguments.wheel.resolve())
    )


if __name__ == "__main__":
    sys.exit(main())
