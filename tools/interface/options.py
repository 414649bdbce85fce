"""The table of options: what each field of the structs that a caller fills in is refused for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.interface.rows import Row, rows_of

TABLES = Path(__file__).resolve().parent.parent.parent / "tests" / "abi"

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

PLACEHOLDERS: Final = (
    "HOST",
    "INTERFACE",
    "ADDRESS",
    "KIND",
    "M",
    "MAXIMUM",
    "MINIMUM",
    "N",
    "NAME",
    "NAMES",
    "REASON",
    "SCHEME",
    "TASKS",
    "TEXT",
)
"""The words of a message that stand for values."""

_OURS: Final[tuple[Row, ...]] = (
    (
        "function",
        "temporal_static_libs_client_connect",
        "void",
        "TemporalCoreRuntime*, const TemporalCoreConnectionOptions*, "
        "const TemporalStaticLibsConnectOptions*, void*, TemporalCoreClientConnectCallback",
    ),
    ("struct", "TemporalStaticLibsConnectOptions"),
    ("field", "TemporalStaticLibsConnectOptions.size", "size_t"),
    ("field", "TemporalStaticLibsConnectOptions.timeout_millis", "uint64_t"),
    (
        "field",
        "TemporalStaticLibsConnectOptions.cancellation_token",
        "const TemporalCoreCancellationToken*",
    ),
    (
        "field",
        "TemporalStaticLibsConnectOptions.grpc_override_queue",
        "const TemporalStaticLibsQueue*",
    ),
    ("field", "TemporalStaticLibsConnectOptions.grpc_override_tag", "uint64_t"),
    (
        "function",
        "temporal_static_libs_runtime_new",
        "TemporalCoreRuntimeOrFail",
        "const TemporalCoreRuntimeOptions*, const TemporalStaticLibsRuntimeOptions*",
    ),
    ("struct", "TemporalStaticLibsRuntimeOptions"),
    ("field", "TemporalStaticLibsRuntimeOptions.size", "size_t"),
    ("field", "TemporalStaticLibsRuntimeOptions.threads", "uint32_t"),
    ("field", "TemporalStaticLibsRuntimeOptions.max_waiting_logs", "uint32_t"),
    ("field", "TemporalStaticLibsRuntimeOptions.log_queue", "const TemporalStaticLibsQueue*"),
    ("field", "TemporalStaticLibsRuntimeOptions.log_tag", "uint64_t"),
    ("field", "TemporalStaticLibsRuntimeOptions.callbacks_may_block", "bool"),
)
"""Facts of what this project adds, which are in no table of Temporal's interface."""

_NULL_DATA = ("a size, while its data is NULL", "NAME has size N but its data is NULL")
_SIZE = ("a size that no memory has", "NAME has an impossible size: N INTERFACE")
_UTF8 = ("not UTF-8", "NAME is not UTF-8: REASON")
_LINE = ("a line feed or a carriage return in it", "NAME holds a line break")

KINDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "bytes": (_NULL_DATA, _SIZE),
    "text": (_NULL_DATA, _SIZE, _UTF8),
    "line": (_NULL_DATA, _SIZE, _UTF8, _LINE),
    "map": (_NULL_DATA, _SIZE, _UTF8),
    "texts": (
        _NULL_DATA,
        _SIZE,
        (
            "an element with a size, while its data is NULL",
            "NAME[0] has size N but its data is NULL",
        ),
        ("an element that is not UTF-8", "NAME[0] is not UTF-8: REASON"),
    ),
    "metadata": (
        _NULL_DATA,
        _SIZE,
        (
            "an element with a size, while its data is NULL",
            "NAME[0] has size N but its data is NULL",
        ),
        ("an element that is not UTF-8", "NAME[0] is not UTF-8: REASON"),
    ),
    "binary metadata": (
        _NULL_DATA,
        _SIZE,
        (
            "an element with a size, while its data is NULL",
            "NAME[0] has size N but its data is NULL",
        ),
        ("an element whose name is not UTF-8", "the key of NAME[0] is not UTF-8: REASON"),
    ),
    "array": (_NULL_DATA, _SIZE),
    "constant": (("no constant of the enum", "NAME has no value N INTERFACE"),),
    "required pointer": (("NULL", "NAME is NULL"),),
    "required callback": (("NULL", "NAME is NULL"),),
    "number": (),
    "bool": (),
    "pointer": (),
    "callback": (),
    "opaque pointer": (),
    "struct": (),
}
"""What is refused of every field of a kind: value and message, without its beginning."""


@dataclass(frozen=True)
class Option:
    """A row of the table.

    Attributes:
        struct: the struct.
        field: its field.
        kind: one of `KINDS`.
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


def options() -> list[Option]:
    """Read the table."""
    lines = (TABLES / "options.tsv").read_text(encoding="utf-8").splitlines()
    return [Option(*row) for row in rows_of(lines)[1:]]


def interface_rows() -> list[Row]:
    """Read the facts of the interface, with what this project adds to Temporal's."""
    lines = (TABLES / "c_abi.tsv").read_text(encoding="utf-8").splitlines()
    return [*rows_of(lines), *_OURS]


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


def taken_by_functions(rows: list[Row]) -> set[str]:
    """Find the structs with fields that functions take."""
    structs = {row[1] for row in rows if row[0] == "struct"} - set(RANGES)
    names = {
        part.removeprefix("const ").removesuffix("*")
        for row in rows
        if row[0] == "function" and row[3:]
        for part in row[3].split(", ")
    }
    return names & structs


def filled(message: str, values: Mapping[str, str]) -> re.Pattern[str]:
    """Make a pattern of a message: known values as they are, anything for the others."""

    def value(word: re.Match[str]) -> str:
        return re.escape(values[word[0]]) if word[0] in values else "(?s:.+)"

    words = rf"(?<![A-Za-z])({'|'.join(PLACEHOLDERS)})(?![A-Za-z])"
    return re.compile(re.sub(words, value, re.escape(message)))
