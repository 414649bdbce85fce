"""The table of options: what each field of the structs that a caller fills in is refused for."""

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
"""Structs that spell a range: what is refused of them is said of the field that holds one."""

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
"""The structs that functions take, and how messages begin about a field's kind, parts included."""


@dataclass(frozen=True)
class Option:
    """A row of the table.

    Attributes:
        struct: the struct.
        field: its field.
        kind: as in the table of kinds.
        name: what messages call the field.
        value: what the row is about, in words.
        outcome: ``accepted``, ``refused``, ``warned`` (accepted, with a warning in the log) or
            ``logged`` (accepted, with an error in the log).
        message: words in capitals stand for values; empty where the value is accepted.
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
    """Read the table of kinds: kind, what it is, a value that is refused, message.

    Of a kind that refuses nothing, value and message are empty. Messages are without beginning.
    """
    return _table("option_kinds.tsv")[1:]


def interface_rows() -> list[Row]:
    """Read the facts of the interface, with what this project adds to Temporal's."""
    return [*_table("c_abi.tsv"), *_table("own_options.tsv")]


def filled_in(rows: list[Row]) -> dict[str, str]:
    """Find the structs that a caller fills in: struct to the one that a function takes.

    Those that functions take, whole or by a pointer, and all that they have or point to.
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
        # An array leads to what its elements are.
        add("TemporalCoreRuntimeInfo" if name == "TemporalCoreRuntimeInfoArray" else name, root)

    for root in BEGINNINGS:
        add(root, root)
    return found
