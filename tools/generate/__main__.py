"""Generate the reference pages and the shell completions, or check the committed ones.

They are generated from the header, the interface tables and the command's parser.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shtab

from temporal_static_libs._cli.command import SHELLS, command_line_parser
from temporal_static_libs._library_set import COMPLETION_DIR, HEADER
from tools import ROOT
from tools.generate import c_api, cli, interface_changes, options
from tools.generate.files import run_generator


def files() -> dict[Path, str]:
    """Return the text of each file."""
    docs = ROOT / "docs"
    parser = command_line_parser()
    for action in parser._actions:  # argparse has no public list of them
        if action.metavar == "DIRECTORY":
            setattr(action, "complete", shtab.DIRECTORY)  # noqa: B010, the attribute is shtab's
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
    """Run the command line; 0 if all files are written or, with --check, up to date."""
    parser = argparse.ArgumentParser(prog="reference", description=__doc__)
    return run_generator("reference", parser, lambda _arguments: files())


if __name__ == "__main__":
    sys.exit(main())
