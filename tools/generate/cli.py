"""docs/cli.md, generated from the parser of temporal-libs-config."""

from __future__ import annotations

import argparse

from tools.generate.files import page


def render(parser: argparse.ArgumentParser) -> str:
    """Return the text of the page."""
    return page(
        "cli.md",
        description=" ".join((parser.description or "").split()),
        usage=parser.format_usage().removeprefix("usage: ").strip(),
        # argparse has no public list of the groups and their options.
        options="\n".join(_table(group) for group in parser._action_groups if group._group_actions),
        # Already laid out in columns.
        epilog=parser.epilog or "",
    )


def _table(group: argparse._ArgumentGroup) -> str:
    title = group.title or ""
    rows = "".join(_row(action) for action in group._group_actions)
    return f"### {title[:1].upper()}{title[1:]}\n\n| option | meaning |\n|---|---|\n{rows}"


def _row(action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    if action.choices is not None:
        names += " " + " or ".join(f"`{choice}`" for choice in action.choices)
    elif action.metavar is not None:
        names += f" `{action.metavar}`"
    return f"| {names} | {action.help} |\n"
