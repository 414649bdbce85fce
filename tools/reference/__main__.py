"""Write the reference pages, or check that the committed ones are fresh."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reference import c_api, cli
from reference.header import HeaderError

ROOT = Path(__file__).resolve().parent.parent.parent


def pages() -> dict[Path, str]:
    """The text of each page.

    Raises:
        HeaderError: see `c_api.render`.
    """
    # The tree's, whatever is installed.
    sys.path.insert(0, str(ROOT))
    from temporal_static_libs._cli import command_line_parser

    header = ROOT / "temporal_static_libs" / "include" / "temporal-sdk-core-c-bridge.h"
    docs = ROOT / "docs"
    return {
        docs / "c-api.md": c_api.render(header, ROOT / "rust" / "c-api" / "src"),
        docs / "cli.md": cli.render(command_line_parser()),
    }


def main() -> int:
    """Run the command line; 0 when the pages are written or, with --check, fresh."""
    parser = argparse.ArgumentParser(prog="reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    arguments = parser.parse_args()
    try:
        made = pages()
    except HeaderError as error:
        print(f"reference: {error}", file=sys.stderr)
        return 1
    stale = [
        page for page, text in made.items() if not page.exists() or page.read_text("utf-8") != text
    ]
    names = ", ".join(str(page.relative_to(ROOT)) for page in stale)
    if arguments.check and stale:
        print(f"reference: stale: {names}; run `make reference`", file=sys.stderr)
        return 1
    for page in stale:
        page.write_text(made[page], encoding="utf-8")
    print(f"reference: {f'wrote {names}' if stale else 'fresh'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
