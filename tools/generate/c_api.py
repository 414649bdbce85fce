"""docs/c-api.md, of the header, in the order in which a bridge comes to need it.

`ToolError`: the header, or what belongs together in it, cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tools import ToolError
from tools.generate.declarations import Declaration, Kind, declarations, rules
from tools.generate.files import page, row
from tools.interface.releases import CURRENT

# The modules of rust/c-api/src, one a noun of the interface, by section.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Header and archive": ("version",),
    "Bytes": ("byte_array", "byte_array_free"),
    "Runtime": ("startup", "runtime", "telemetry", "log_forwarding"),
    "Connection": ("connect", "connection", "connection_options", "env_config", "grpc_override"),
    "RPC": ("rpc", "cancellation_token"),
    "Completion queue": ("completion_queue", "queue", "queue_callbacks", "event"),
    "Worker": ("worker", "worker_state", "worker_ask_server", "worker_options", "tuner"),
    "Slot suppliers": ("slot_supplier",),
    "Replay": ("replay",),
    "Random numbers": ("random",),
    "Metrics": ("metric", "metric_kind", "metric_export", "custom_meter"),
    "Test servers": ("ephemeral_server",),
}


def render(header: Path, sources: Path) -> str:
    """Write the page of a header; the modules in ``sources``, rust/c-api/src, are its sections."""
    declared = declarations(header)
    known = {declaration.name for declaration in declared}
    by_module: dict[str, list[Declaration]] = {}
    for declaration in declared:
        by_module.setdefault(_module(declaration, sources), []).append(declaration)
    about = {"releases": CURRENT.alike, "cores": CURRENT.core}
    parts = [page("c-api.md", **about, rules=rules(header))]
    for section, modules in SECTIONS.items():
        parts.append(f"\n## {section}\n")
        inside = [item for module in modules for item in by_module.pop(module, [])]
        inside.sort(key=lambda item: list(Kind).index(item.kind))
        parts += [_entry(item, known) for item in inside]
    if by_module:
        raise ToolError(f"no section of the page is for {', '.join(sorted(by_module))}")
    return "".join(parts)


def _module(declaration: Declaration, sources: Path) -> str:
    """The module of the Rust crate that defines a declaration."""
    # The macros, and the symbol that ties an archive to its header, are no items of the crate.
    if re.match(r"TEMPORAL_STATIC_LIBS_|temporal_static_libs_\d", declaration.name):
        return "version"
    # A tagged union's tags and bodies have their own names only in C.
    rust_name = re.sub(r"_Tag$|_\w+_Body$|^Temporal(Core)?(?=[A-Z])", "", declaration.name)
    pattern = re.compile(
        rf'\bpub (unsafe extern "C" fn|extern "C" fn|struct|enum|union|type) {rust_name}\b'
    )
    files = sources.rglob("*.rs")
    found = {file.stem for file in files if pattern.search(file.read_text(encoding="utf-8"))}
    if len(found) != 1:
        raise ToolError(f"{declaration.name} is defined in {sorted(found)}")
    return found.pop()


def _entry(item: Declaration, known: set[str]) -> str:
    parts = [f"\n### `{item.name}`\n\n{_linked(item.text, known - {item.name})}\n"]
    parts.append(f"\n```c\n{item.code}\n```\n")
    if item.parameters:
        parts.append("\n| parameter | |\n|---|---|\n")
        parts += [row(f"`{name}`", _linked(it, known)) for name, it in item.parameters.items()]
    if item.returns is not None:
        parts.append(f"\nReturns: {_linked(item.returns, known)}\n")
    return "".join(parts)


def _linked(text: str, known: set[str]) -> str:
    """A text whose names of other declarations lead to them."""

    def link(name: re.Match[str]) -> str:
        return f"[{name[0]}](#{name[1].lower()})" if name[1] in known else name[0]

    return re.sub(r"`(\w+)`", link, text)
