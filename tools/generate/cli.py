"""docs/cli.md, of the parser of temporal-libs-config."""

from __future__ import annotations

import argparse

from tools.generate.files import page


def render(parser: argparse.ArgumentParser) -> str:
    """Write the page."""
    rows = ""
    for action in parser._actions:  # argparse has no public list of them
        names = ", ".join(f"`{name}`" for name in action.option_strings)
        if action.choices is not None:
            names += " " + " or ".join(f"`{choice}`" for choice in action.choices)
        elif action.metavar is not None:
            names += f" `{action.metavar}`"
        rows += f"| {names} | {action.help} |\n"
    return page(
        "cli.md",
        description=" ".join((parser.description or "").split()),
        usage=parser.format_usage().removeprefix("usage: ").strip(),
        options=rows,
        # Indented below headings, and with more to the right of examples: best left as it is.
        examples=parser.epilog or "",
    )
