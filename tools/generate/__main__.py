"""Write what header, interface tables and the command's parser give, or check what is committed.

Reference pages, and what has shells complete the command's options.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shtab

from temporal_static_libs._cli.command import SHELLS, command_line_parser
from temporal_static_libs._library_set import COMPLETION_DIR, HEADER
from tools import ROOT, report_errors
from tools.generate import c_api, cli, interface_changes, options
from tools.generate.files import write_or_check


def files() -> dict[Path, str]:
    """Return the text of each file."""
    docs = ROOT / "docs"
    parser = command_line_parser()
    return {
        docs / "c-api.md": c_api.render(HEADER, ROOT / "rust" / "c-api" / "src"),
        docs / "cli.md": cli.render(parser),
        docs / "interface-changes.md": interface_changes.render(),
        docs / "options.md": options.render(),
    } | {
        COMPLETION_DIR / f"{parser.prog}.{shell}": f"{shtab.complete(parser, shell).rstrip()}\n"
        for shell in SHELLS
    }


def main() -> int:
    """Run the command line; 0 when all is written or, with --check, fresh."""
    parser = argparse.ArgumentParser(prog="reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    arguments = parser.parse_args()
    return report_errors(
        "reference", lambda: write_or_check("reference", files(), check=arguments.check)
    )


if __name__ == "__main__":
    sys.exit(main())
