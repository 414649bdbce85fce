"""Generate docs/options.md from the table of options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from tools.generate.files import page, row
from tools.interface.options import (
    BEGINNINGS,
    Option,
    filled_in,
    interface_rows,
    kind_rows,
    options,
)

_BEGINNINGS: Mapping[str, str] = {
    "Invalid options: ": "",
    "": "These messages do not begin with `Invalid options: `.\n\n",
    "gRPC override: ": (
        "The RPC ends with status 13. Messages about a kind begin with `gRPC override: `.\n\n"
    ),
}
_NULL_AND_A_LOG = "The call returns NULL and logs an error that begins with `{}`.\n\n"

_OUTCOMES: Mapping[str, str] = {
    "accepted": "accepted",
    "refused": "refused: {}",
    "warned": "accepted, with a warning in the log: {}",
    "logged": "accepted, with an error in the log: {}",
}


def render() -> str:
    """Write the page."""
    roots = filled_in(interface_rows())
    parts = [page("options.md"), *_kinds()]
    for struct, rows in groupby(options(), key=lambda option: option.struct):
        beginning = BEGINNINGS[roots[struct]]
        text = _BEGINNINGS.get(beginning, _NULL_AND_A_LOG.format(beginning))
        parts.append(f"\n## {struct}\n\n{text}{row('option', 'kind', 'value', 'what happens')}")
        parts += ["|---|---|---|---|\n", *map(_option, rows)]
    return "".join(parts)


def _kinds() -> Iterator[str]:
    for _, rows in groupby(kind_rows(), key=lambda cells: cells[0]):
        for number, (kind, what, value, message) in enumerate(rows):
            first = ("", "") if number else (kind, what)
            yield row(*first, value or "nothing", _code(message))


def _option(option: Option) -> str:
    name = f"`{option.field}`"
    if option.name != option.field:
        name += f", in messages {_code(option.name)}"
    then = _OUTCOMES[option.outcome].format(_code(option.message))
    return row(name, option.kind, _linked(option.value), then)


def _linked(value: str) -> str:
    return re.sub(r"TemporalCore\w+", lambda name: f"[{name[0]}](#{name[0].lower()})", value)


def _code(message: str) -> str:
    """Quote a message, which may have quotes itself."""
    if not message:
        return ""
    fence = "``" if "`" in message else "`"
    padding = " " if message.startswith("`") or message.endswith("`") else ""
    return f"{fence}{padding}{message}{padding}{fence}"
