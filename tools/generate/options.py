"""docs/options.md, of the table of options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby

from tools.interface.options import BEGINNINGS, KINDS, Option, filled_in, interface_rows, options

_INTRODUCTION = """\
# Options

Which values of each option the [C interface](c-api.md) refuses, and with which message. Words in
capitals stand for values. `Invalid options: …` comes before anything is sent or started.

Generated from a table that the tests hold against the library, by `make reference`; do not edit.

## Kinds

The kind of an option says what is refused of all options of that kind. NAME is what messages call
the option; the tables of structs give that name where it is not the field's. INTERFACE is the
version of the library and of its interface: check that your declarations were made for it. These
messages begin with `Invalid options: `, too, unless the section of the struct says otherwise.

| kind | what it is | refused | message |
|---|---|---|---|
"""

_WHAT: Mapping[str, str] = {
    "bytes": "any bytes; size 0: none",
    "text": "bytes that are UTF-8",
    "line": "a text on one line",
    "map": "a text of lines: a name, its value, the next name …",
    "texts": "an array of texts",
    "metadata": "an array of texts, each a name, a line feed and a value",
    "binary metadata": "an array of bytes, each a name, a line feed and a value",
    "array": "an array of structs",
    "constant": "a constant of the enum",
    "required pointer": "points to a struct",
    "required callback": "a function",
    "number": "a number",
    "bool": "false is 0; anything else is true",
    "pointer": "points to a struct, or is NULL",
    "callback": "a function, or NULL",
    "opaque pointer": "a pointer that is only passed on, or a handle; may be NULL",
    "struct": "a struct inside the struct",
}

_BEGINNINGS: Mapping[str, str] = {
    "Invalid options: ": "",
    "": "Messages have no beginning of that sort.",
    "gRPC override: ": (
        "The RPC that is answered ends with status 13, and a message about a kind begins with "
        "`gRPC override: `."
    ),
}
_NULL_AND_A_LOG = "The call returns NULL and logs an error, which begins with `{beginning}`."


def render() -> str:
    """Write the page."""
    roots = filled_in(interface_rows())
    parts = [_INTRODUCTION]
    parts += [_kind(kind) for kind in KINDS]
    for struct, rows in groupby(options(), key=lambda option: option.struct):
        parts.append(_struct(struct, roots[struct], list(rows)))
    return "".join(parts)


def _kind(kind: str) -> str:
    rows = []
    for index, (value, message) in enumerate(KINDS[kind] or (("nothing", ""),)):
        what = (kind, _WHAT[kind]) if index == 0 else ("", "")
        rows.append(_line(*what, value, _code(message)))
    return "".join(rows)


def _struct(struct: str, root: str, rows: list[Option]) -> str:
    beginning = BEGINNINGS[root]
    text = _BEGINNINGS.get(beginning, _NULL_AND_A_LOG.format(beginning=beginning))
    table = "| option | kind | value | what happens |\n|---|---|---|---|\n"
    return (
        f"\n## {struct}\n\n"
        + (f"{text}\n\n" if text else "")
        + table
        + "".join(_row(row) for row in rows)
    )


def _row(row: Option) -> str:
    name = f"`{row.field}`"
    if row.name != row.field:
        name += f", called {_code(row.name)}"
    then = {
        "accepted": "accepted",
        "refused": f"refused: {_code(row.message)}",
        "warned": f"accepted, with a warning in the log: {_code(row.message)}",
        "logged": f"accepted, with an error in the log: {_code(row.message)}",
    }[row.outcome]
    return _line(name, row.kind, _linked(row.value), then)


def _linked(value: str) -> str:
    return re.sub(r"TemporalCore\w+", lambda name: f"[{name[0]}](#{name[0].lower()})", value)


def _code(message: str) -> str:
    """Quote a message, which may have quotes itself."""
    if not message:
        return ""
    fence = "``" if "`" in message else "`"
    padding = " " if message.startswith("`") or message.endswith("`") else ""
    return f"{fence}{padding}{message}{padding}{fence}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
