"""The table of options: the refused values of each field that a caller fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tools import ROOT
from tools.interface.rows import Row, rows_of

RANGES: Final = (
    "TemporalCoreByteArrayRef",
    "TemporalCoreByteArrayRefArray",
    "TemporalCoreRuntimeInfoArray",
)
"""Structs that are ranges. Their refused values are listed for the fields that contain them."""

BEGINNINGS: Final[Mapping[str, str]] = {
    "TemporalCoreRuntimeOptions": "Invalid options: ",
    "TemporalCoreConnectionOptions": "Invalid options: ",
    "TemporalCoreRpcCallOptions": "",
    "TemporalCoreWorkerOptions": "Invalid options: ",
    "TemporalCoreTestServerOptions": "Invalid options: ",
    "TemporalCoreDevServerOptions": "Invalid options: ",
    "TemporalCoreClientEnvConfigLoadOptions": "",
    "TemporalCoreClientEnvConfigProfileLoadOptions": "",
    "TemporalCoreMetricOptions": "temporal_core_metric_new: ",
    "TemporalCoreMetricAttribute": "temporal_core_metric_attributes_new: ",
    "TemporalCoreClientGrpcOverrideResponse": "gRPC override: ",
    "TemporalStaticLibsConnectOptions": "Invalid options: ",
    "TemporalStaticLibsRuntimeOptions": "Invalid options: ",
}
"""Struct parameters, and the beginning of messages about the kind of a field or its parts."""


@dataclass(frozen=True)
class Option:
    """A row of the table.

    Attributes:
        struct: the struct.
        field: its field.
        kind: the kind, from the table of kinds.
        name: the field's name in messages.
        value: the value that the row is about, in words.
        outcome: ``accepted``, ``refused``, ``warned`` (accepted, with a warning in the log) or
            ``logged`` (accepted, with an error in the log).
        message: words in capitals are placeholders; empty if the value is accepted.
    """

    struct: str
    field: str
    kind: str
    name: str
    value: str
    outcome: str
    message: str


def _table(name: str) -> list[Row]:
    return rows_of((ROOT / "tests" / "abi" / name).read_text(encoding="utf-8").splitlines())


def options() -> list[Option]:
    """Read the table."""
    return [Option(*row) for row in _table("options.tsv")[1:]]


def kind_rows() -> list[Row]:
    """Read the table of kinds: kind, description, a refused value, message.

    Value and message are empty for a kind that refuses nothing. Messages lack their beginning.
    """
    return _table("option_kinds.tsv")[1:]


def interface_rows() -> list[Row]:
    """Read the facts of the interface, including this project's additions."""
    return [*_table("c_abi.tsv"), *_table("own_options.tsv")]


def filled_in(rows: list[Row]) -> dict[str, str]:
    """Return the structs that a caller fills in, each with the struct parameter that contains it.

    These are struct parameters, by value or pointer, and all structs that they contain or point to.
    """
    fields = {row[1]: row[2] for row in rows if row[0] == "field"}
    structs = {row[1] for row in rows if row[0] == "struct"} - set(RANGES)
    found: dict[str, str] = {}

    def add(struct: str, root: str) -> None:
        if struct in structs and struct not in found:
            found[struct] = root
            for name, kind in fields.items():
                if name.startswith(f"{struct}."):
                    add_type(kind, root)

    def add_type(kind: str, root: str) -> None:
        name = kind.removeprefix("const ").removesuffix("*")
        # For an array, the type of its elements.
        add("TemporalCoreRuntimeInfo" if name == "TemporalCoreRuntimeInfoArray" else name, root)

    for root in BEGINNINGS:
        add(root, root)
    return found
