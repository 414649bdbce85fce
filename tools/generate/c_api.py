"""docs/c-api.md, of the header, in the order in which a bridge comes to need it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.generate.declarations import Declaration, HeaderError, Kind, declarations, rules
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

_INTRODUCTION = """\
# C interface

What `temporal-sdk-core-c-bridge.h` declares. It is the interface of Temporal's own C bridge as its
Python package `temporalio` has it in {releases} (cores {cores}). A bridge written for one
of these links as it is; for another, see [what changed](interface-changes.md).
`temporal_static_libs_*` is added here. `libtemporal_client.a` has all but workers, replay and what
belongs to them. [Options](options.md) lists what is refused of each option. To generate bindings
without a C compiler, see [bindings](bindings.md).

Generated from the header by `make reference`; do not edit.

## Rules

They hold everywhere unless a function says otherwise.

"""


def render(header: Path, sources: Path) -> str:
    """Write the page.

    Args:
        header: the C header.
        sources: rust/c-api/src, which tells what belongs together.

    Raises:
        HeaderError: the header, or what belongs together, cannot be told.
    """
    declared = declarations(header)
    known = {declaration.name for declaration in declared}
    by_module: dict[str, list[Declaration]] = {}
    for declaration in declared:
        by_module.setdefault(_module(declaration, sources), []).append(declaration)
    introduction = _INTRODUCTION.format(releases=CURRENT.alike, cores=CURRENT.core)
    parts = [introduction, rules(header), "\n"]
    for section, modules in SECTIONS.items():
        parts.append(f"\n## {section}\n")
        inside = [item for module in modules for item in by_module.pop(module, [])]
        parts += [_entry(item, known) for item in _functions_first(inside)]
    if by_module:
        raise HeaderError(f"no section of the page is for {', '.join(sorted(by_module))}")
    return "".join(parts)


def _functions_first(items: Iterable[Declaration]) -> list[Declaration]:
    order = [Kind.MACRO, Kind.FUNCTION, Kind.CALLBACK, Kind.TYPE]
    return sorted(items, key=lambda item: order.index(item.kind))


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
    files = [
        file
        for file in sorted(sources.rglob("*.rs"))
        if pattern.search(file.read_text(encoding="utf-8"))
    ]
    found = {file.stem for file in files}
    if len(found) != 1:
        raise HeaderError(f"{declaration.name} is defined in {sorted(found)}")
    return found.pop()


def _entry(item: Declaration, known: set[str]) -> str:
    parts = [f"\n### `{item.name}`\n\n{_linked(item.text, known - {item.name})}\n"]
    parts.append(f"\n```c\n{item.code}\n```\n")
    if item.parameters:
        rows = (
            f"| `{name}` | {_linked(text, known).replace('|', chr(92) + '|')} |\n"
            for name, text in item.parameters.items()
        )
        parts.append(f"\n| parameter | |\n|---|---|\n{''.join(rows)}")
    if item.returns is not None:
        parts.append(f"\nReturns: {_linked(item.returns, known)}\n")
    return "".join(parts)


def _linked(text: str, known: set[str]) -> str:
    """A text whose names of other declarations lead to them."""

    def link(name: re.Match[str]) -> str:
        return f"[{name[0]}](#{name[1].lower()})" if name[1] in known else name[0]

    return re.sub(r"`(\w+)`", link, text)
