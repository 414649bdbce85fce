"""Ephemeral servers: their options, and the processes behind them."""

from __future__ import annotations

import socket
import sysconfig
from pathlib import Path
from typing import Any

from tests.support.abi.capi import CApi, Lender

EXECUTABLE = Path(sysconfig.get_path("scripts")) / "temporal"
"""The Temporal server in the environment that runs the tests."""


def filled(lender: Lender, type_name: str, fields: dict[str, Any]) -> Any:
    """Make a struct; strings and bytes become byte ranges."""
    struct = lender.struct(type_name)
    for name, value in fields.items():
        is_range = isinstance(value, (str, bytes))
        setattr(struct, name, lender.bytes(value) if is_range else value)
    return struct


def common_options(lender: Lender, **fields: Any) -> Any:
    """Make a ``TemporalCoreTestServerOptions``; strings and bytes become byte ranges."""
    return filled(lender, "TemporalCoreTestServerOptions", fields)


def dev_server_options(api: CApi, lender: Lender, **fields: Any) -> Any:
    """Make a ``TemporalCoreDevServerOptions``.

    Args:
        api: the interface.
        lender: owns the options.
        fields: its fields, or those of ``TemporalCoreTestServerOptions`` if it has no such
            field.
    """
    own = {name for name, _ in api.ffi.typeof("TemporalCoreDevServerOptions").fields}
    common = {name: value for name, value in fields.items() if name not in own}
    return filled(
        lender,
        "TemporalCoreDevServerOptions",
        {
            "test_server": common_options(lender, **common),
            **{name: value for name, value in fields.items() if name in own},
        },
    )


def command_lines(port: int) -> dict[int, list[str]]:
    """List the processes, including zombies, that were started for a port."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            arguments = entry.joinpath("cmdline").read_text().split("\0")
        except OSError:
            continue
        if str(port) in arguments:
            found[int(entry.name)] = arguments[:-1]
    return found


def only_process(port: int) -> tuple[int, list[str]]:
    """Return the ID and command line of the only process that serves on a port."""
    ((process, arguments),) = command_lines(port).items()
    return process, arguments


def ended(process: int) -> bool:
    """Return whether a process has ended and been reaped. A zombie would still be listed."""
    return not Path(f"/proc/{process}").exists()


def free_port() -> int:
    """Find a port of the loopback interface that nothing listens on."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])
