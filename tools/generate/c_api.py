"""Generate docs/c-api.md, the reference of the C interface, from the header.

`ToolError`: the header cannot be read, or a declaration belongs to no section.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import ToolError
from tools.generate.declarations import Declaration, Kind, declarations, rules
from tools.generate.files import page, row
from tools.interface.releases import CURRENT


@dataclass(frozen=True)
class Section:
    """A section of the page: a noun of the interface.

    Attributes:
        modules: of rust/c-api/src that define its declarations.
        text: its introduction, in Markdown.
    """

    modules: tuple[str, ...]
    text: str


# In the order in which a program needs them.
SECTIONS: Mapping[str, Section] = {
    "Header and archive": Section(
        ("version",), "Check that the header and the archive that you link match."
    ),
    "Bytes": Section(
        ("byte_array", "byte_array_free"),
        "Strings and protobuf messages, in both directions. See [Bytes](c-api-concepts.md#bytes).",
    ),
    "Runtime": Section(
        ("startup", "runtime", "telemetry"),
        "Temporal's core with its threads. Create one first. A process can have several.",
    ),
    "Logs": Section(
        ("log_forwarding",),
        "Log records for a callback or a [queue](queue.md#logs), instead of the console.",
    ),
    "Connection": Section(
        ("connect", "connection", "connection_options"),
        "A connection to a Temporal server, for RPCs and workers.",
    ),
    "Client configuration": Section(
        ("env_config",),
        "Temporal's configuration file and its environment variables, as JSON. You pass the values "
        "to a connection yourself.",
    ),
    "RPC": Section(
        ("rpc", "cancellation_token"), "Calls of the server's services, with protobuf messages."
    ),
    "RPCs that you answer": Section(
        ("grpc_override",),
        "A connection without a server, whose RPCs your program answers; for example in tests.",
    ),
    "Completion queue": Section(
        ("completion_queue", "queue", "queue_callbacks", "event"),
        "Results on your own thread instead of callbacks. See the [guide](queue.md).",
    ),
    "Worker": Section(
        ("worker", "worker_state", "worker_ask_server", "worker_options"),
        "Runs the tasks of a task queue. For the order of the calls, see "
        "[Worker lifecycle](c-api-concepts.md#worker-lifecycle).",
    ),
    "Slot suppliers": Section(
        ("tuner", "slot_supplier"),
        "How many tasks of each kind a worker runs at a time: a fixed number, by memory and CPU, "
        "or by your own supplier.",
    ),
    "Replay": Section(("replay",), "A worker that replays recorded histories, without a server."),
    "Random numbers": Section(("random",), "Reproducible random numbers for workflow code."),
    "Metrics": Section(
        ("metric", "metric_kind"), "Metrics of your own, which go where the runtime's metrics go."
    ),
    "Metrics export": Section(
        ("metric_export", "custom_meter"),
        "Where metrics go: OpenTelemetry, Prometheus or a meter that you implement.",
    ),
    "Test servers": Section(
        ("ephemeral_server",), "Temporal's dev server and test server as child processes."
    ),
}


def render(header: Path, sources: Path) -> str:
    """Write the page of a header; ``sources`` is rust/c-api/src."""
    declared = declarations(header)
    by_module: dict[str, list[Declaration]] = {}
    for declaration in declared:
        by_module.setdefault(_module(declaration, sources), []).append(declaration)
    by_section: dict[str, list[Declaration]] = {}
    for name, section in SECTIONS.items():
        inside = [item for module in section.modules for item in by_module.pop(module, [])]
        by_section[name] = sorted(inside, key=lambda item: list(Kind).index(item.kind))
    if by_module:
        raise ToolError(f"no section of the page is for {', '.join(sorted(by_module))}")
    anchors = _anchors(item.name for inside in by_section.values() for item in inside)
    contents = ""
    parts = []
    for name, section in SECTIONS.items():
        inside = by_section[name]
        contents += row(f"[{name}](#{name.lower().replace(' ', '-')})", section.text)
        parts.append(f"\n## {name}\n\n{section.text}\n{_overview(inside, anchors)}")
        parts += [_entry(item, anchors) for item in inside]
    about = {"releases": CURRENT.alike, "cores": CURRENT.core}
    return page("c-api.md", **about, rules=rules(header), contents=contents) + "".join(parts)


def _anchors(names: Iterable[str]) -> dict[str, str]:
    """Return the anchor of each name's heading; a macro and a function may differ only in case."""
    anchors: dict[str, str] = {}
    for name in names:
        count = sum(other.lower() == name.lower() for other in anchors)
        anchors[name] = f"{name.lower()}-{count}" if count else name.lower()
    return anchors


def _overview(items: list[Declaration], anchors: Mapping[str, str]) -> str:
    """List the functions of a section, if there are several, with the first sentence of each."""
    functions = [item for item in items if item.kind is Kind.FUNCTION]
    if len(functions) < 2:
        return ""
    rows = ""
    for it in functions:
        rows += row(f"[`{it.name}`](#{anchors[it.name]})", _first_sentence(it.text))
    return f"\n{row('function', 'what it does')}|---|---|\n{rows}"


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z])", paragraph)[0]


def _module(declaration: Declaration, sources: Path) -> str:
    """Find the module of the Rust crate that defines a declaration."""
    # The macros, and the symbol that ties an archive to its header, are not items of the crate.
    if re.match(r"TEMPORAL_STATIC_LIBS_|temporal_static_libs_\d", declaration.name):
        return "version"
    # The tags and bodies of a tagged union have their own names only in C.
    rust_name = re.sub(r"_Tag$|_\w+_Body$|^Temporal(Core)?(?=[A-Z])", "", declaration.name)
    pattern = re.compile(
        rf'\bpub (unsafe extern "C" fn|extern "C" fn|struct|enum|union|type) {rust_name}\b'
    )
    files = sources.rglob("*.rs")
    found = {file.stem for file in files if pattern.search(file.read_text(encoding="utf-8"))}
    if len(found) != 1:
        raise ToolError(f"{declaration.name} is defined in {sorted(found)}")
    return found.pop()


def _entry(item: Declaration, anchors: Mapping[str, str]) -> str:
    others = {name: anchor for name, anchor in anchors.items() if name != item.name}
    parts = [f"\n### `{item.name}`\n\n{_linked(item.text, others)}\n"]
    parts.append(f"\n```c\n{item.code}\n```\n")
    if item.parameters:
        parts.append("\n| parameter | |\n|---|---|\n")
        parts += [row(f"`{name}`", _linked(it, anchors)) for name, it in item.parameters.items()]
    if item.returns is not None:
        parts.append(f"\nReturns: {_linked(item.returns, anchors)}\n")
    return "".join(parts)


def _linked(text: str, anchors: Mapping[str, str]) -> str:
    """Link the names of other declarations in a text."""

    def link(name: re.Match[str]) -> str:
        return f"[{name[0]}](#{anchors[name[1]]})" if name[1] in anchors else name[0]

    return re.sub(r"`(\w+)`", link, text)
