"""Write what header, interface tables and the command's parser give, or check what is committed.

Reference pages, and what has shells complete the command's options.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shtab

from tools import ROOT
from tools.generate import c_api, cli, interface_changes, options
from tools.generate.declarations import HeaderError


def files() -> dict[Path, str]:
    """The text of each file.

    Raises:
        HeaderError: see `c_api.render`.
    """
    # The tree's, whatever is installed.
    from temporal_static_libs._cli.command import SHELLS, command_line_parser
    from temporal_static_libs._library_set import COMPLETION_DIR, HEADER

    docs = ROOT / "docs"
    parser = command_line_parser()
    pages = {
        docs / "c-api.md": c_api.render(HEADER, ROOT / "rust" / "c-api" / "src"),
        docs / "cli.md": cli.render(parser),
        docs / "interface-changes.md": interface_changes.render(),
        docs / "options.md": options.render(),
    }
    completion = {
        COMPLETION_DIR / f"{parser.prog}.{shell}": f"{shtab.complete(parser, shell).rstrip()}\n"
        for shell in SHELLS
    }
    return pages | completion


def main() -> int:
    """Run the command line; 0 when all is written or, with --check, fresh."""
    parser = argparse.ArgumentParser(prog="reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    arguments = parser.parse_args()
    try:
        made = files()
    except HeaderError as error:
        print(f"reference: {error}", file=sys.stderr)
        return 1
    stale = [
        file for file, text in made.items() if not file.exists() or file.read_text("utf-8") != text
    ]
    names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
    if arguments.check and stale:
        print(f"reference: stale: {names}; run `make reference`", file=sys.stderr)
        return 1
    for file in stale:
        file.parent.mkdir(exist_ok=True)
        file.write_text(made[file], encoding="utf-8")
    print(f"reference: {f'wrote {names}' if stale else 'fresh'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
